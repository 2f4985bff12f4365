-- Goal:   oracle: rule 7: W10 target: reset id=00000000: RESETs in a row get one answer (1 faults on the way to it, the last 50 us ago)
-- Source: kdharness run --seed 447 --link backdoor --arch x86 (found by the swarm)
vm { link = "backdoor", arch = "x86", because = "found there" }
fault { layer = "stream", direction = "to_target", kind = "duplicate", nth = 15 }
attach(); power_on()
work("wait", 908269); work("break_in"); work("write"); work("break_in"); work("prompt"); work("go")
work("resync"); work("finish")
