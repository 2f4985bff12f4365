-- Goal:   work: the conversation did not finish in time; the debugger is in state WAIT_STATE
-- Source: kdharness run --seed 2 --link backdoor --arch x64 (found by the swarm)
vm { link = "backdoor", arch = "x64", because = "found there" }
later(55523042, "detach")
attach(); power_on()
work("break_in"); work("finish")
