-- Goal:   oracle: rule 1: a packet counts as sent, but the debugger has not accepted it: state_change64 exception 80000003 cpu=0 pc=fffff80002801010
-- Source: kdharness run --seed 46 --link backdoor --arch x64 (found by the swarm)
vm { link = "backdoor", arch = "x64", because = "found there" }
fault { layer = "stream", direction = "to_debugger", kind = "drop", nth = 4, count = 2 }
attach(); power_on()
work("break_in"); work("finish")
