-- Goal:   oracle: rule 1: a packet counts as sent, but the debugger has not accepted it: state_change64 load_symbols base=ffffffff804d7000 "\WINDOWS\system32\ntoskrnl.exe"
-- Source: kdharness run --seed 563 --link serial --arch x86 (found by the swarm)
vm { link = "serial", arch = "x86", because = "found there" }
fault { layer = "uart", direction = "to_debugger", kind = "drop", nth = 2, count = 4 }
later(954252874, "reset")
attach(); power_on()
work("wait", 35085216); work("write"); work("finish")
