-- Goal:   boot: the kernel did not finish booting in time: its module never stops asking for a relay that is not there
-- Source: harness/scenarios/boot/relay-absent.lua, which found it
vm { relay = false, link = "backdoor", because = "found there" }
boot(s(60))
