-- Goal:   oracle: rule 7: W11 target: manipulate 3132 id=80800000: no request of this kind waits for a reply
-- Source: kdharness run --seed 8 --link backdoor --arch x64 (found by the swarm)
vm { link = "backdoor", arch = "x64", because = "found there" }
fault { layer = "rpc", direction = "reply", kind = "truncate", nth = 7 }
attach(); power_on()
work("break_in"); work("breakpoint"); work("read"); work("go"); work("finish")
