-- Goal:   oracle: rule 7: W7 target: state_change64 3031 id=80800000: the frame before had this id, and was acknowledged
-- Source: kdharness run --seed 1 --link backdoor --arch x86 (found by the swarm)
vm { link = "backdoor", arch = "x86", because = "found there" }
attach(); power_on()
work("finish")
