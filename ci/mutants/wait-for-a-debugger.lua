-- Goal:   boot: the kernel did not finish booting in time: it stands at the first symbol notice until somebody comes
-- Source: harness/scenarios/boot/cold-boot-unattached.lua, which found it
vm { link = "backdoor", because = "found there" }
boot(s(60))
