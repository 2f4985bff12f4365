-- Goal:   oracle: rule 6: SENDSIZE while a message is being fetched, at byte 34 of 34 (I4)
-- Source: kdharness run --seed 1 --link backdoor --arch x86 (found by the swarm)
vm { link = "backdoor", arch = "x86", because = "found there" }
attach(); power_on()
work("finish")
