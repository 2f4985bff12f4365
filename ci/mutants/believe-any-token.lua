-- Goal:   oracle: rule 8: 3 polls in a row with nobody there cost more than 3 exits
-- Source: kdharness run --seed 39 --link backdoor --arch x64 (found by the swarm)
vm { link = "backdoor", arch = "x64", because = "found there",
     cost = {tick_ns = 11000000} }
later(87956265, "reset")
later(15647425, "relay_kill")
later(17174925, "relay_restart")
attach(); power_on()
work("finish")
