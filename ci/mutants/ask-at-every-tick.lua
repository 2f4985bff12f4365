-- Goal:   oracle: rule 8: 3 polls in a row with nobody there cost more than 3 exits
-- Source: kdharness run --seed 1 --link backdoor --arch x86 (found by the swarm)
vm { link = "backdoor", arch = "x86", because = "found there" }
later(155268254, "detach")
attach(); power_on()
work("detach"); work("finish")
