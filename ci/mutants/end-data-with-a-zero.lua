-- Goal:   oracle: rule 5: the module wrote outside of what it was given: byte 56 of the header
-- Source: kdharness run --seed 1 --link backdoor --arch x86 (found by the swarm)
vm { link = "backdoor", arch = "x86", because = "found there" }
attach(); power_on()
work("finish")
