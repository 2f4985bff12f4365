-- Goal:   oracle: rule 2: packet differs from what was sent, first at byte 8 of 274: state_change64 load_symbols base=0000000000000000 "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00
-- Source: kdharness run --seed 88 --link backdoor --arch x64 (found by the swarm)
vm { link = "backdoor", arch = "x64", because = "found there" }
fault { layer = "rpc", direction = "request", kind = "truncate", count = 3, len = 46 }
attach(); power_on()
work("finish")
