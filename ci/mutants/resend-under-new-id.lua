-- Goal:   oracle: rule 7: W7 target: state_change64 3031 id=80800001: ids did not start over with the RESET
-- Source: kdharness run --seed 2 --link backdoor --arch x64 (found by the swarm)
vm { link = "backdoor", arch = "x64", because = "found there" }
attach(); power_on()
work("resync"); work("finish")
