-- Goal:   oracle: rule 7: W7 target: state_change64 3031 id=80800800: it has read since what says that this one had arrived (1 faults on the way to it, the last 1009055 us ago)
-- Source: kdharness run --seed 72 --link serial --arch x64 (found by the swarm)
vm { link = "serial", arch = "x64", because = "found there", polls = 14750, modules = 3 }
fault { layer = "uart", direction = "to_target", kind = "insert", nth = 4 }
later(559067843, "power_off")
attach(); power_on()
work("break_in"); work("write"); work("finish")
