-- Goal:   a machine without a PCI bus refuses its configuration space: no data, length 0, whatever is asked.
-- Source: kd-protocol.md 4.4 (3157, 3158); sim/kernel/README.md (there is no bus)
vm {}

attach()
boot()
dbg.break_in()
dbg.wait_stop()
for kind = 0, 9 do
    for _, slot in ipairs { 0, 0x1F, 0xFFFFFFFF } do
        local fields = string.pack("<I4I4I4I4I4", kind, 0, slot, 0, 256)
        local read = dbg.request("get_bus_data", { fields = fields })
        check.equal({ read.status, #read.data }, { 0xC0000001, 0 })
        check.equal((string.unpack("<I4", read.fields, 17)), 0, "bytes read")
        check.equal(read.fields:sub(1, 16), fields:sub(1, 16), "the rest is echoed")
    end
end
local written = dbg.request("set_bus_data", { fields = string.pack("<I4I4I4I4I4", 4, 0, 0, 4, 4), data = "data" })
check.equal({ written.status, #written.data }, { 0xC0000001, 0 })
check.equal((string.unpack("<I4", written.fields, 17)), 0, "bytes written")
check.counters { duplicates = 0 }
