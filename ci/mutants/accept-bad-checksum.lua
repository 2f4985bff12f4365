-- Goal:   oracle: rule 7: W9 target: ack id=80800000: the frame that came was bad (1 faults on the way to it, the last 25 us ago)
-- Source: kdharness run --seed 65 --link backdoor --arch x64 (found by the swarm)
vm { link = "backdoor", arch = "x64", because = "found there" }
fault { layer = "stream", direction = "to_target", kind = "flip", nth = 2, bit = 97 }
attach(); power_on()
work("finish")
