// SPDX-License-Identifier: Apache-2.0

/// Names one registration of a descriptor with one loop.
///
/// Stale after `deregister`, harmlessly.
public struct Registration: Hashable, Sendable {
    let slot: UInt32
    let generation: UInt32

    /// What the kernel hands back with an event.
    var data: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

    init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    init(data: UInt64) {
        self.init(
            slot: UInt32(truncatingIfNeeded: data),
            generation: UInt32(truncatingIfNeeded: data >> 32))
    }
}

/// The handlers of registered descriptors.
///
/// A slot's generation is part of the event's data, so that an event fetched for a descriptor that
/// an earlier handler of the same batch closed (and perhaps replaced by a new one with the same
/// number) finds nobody. Generations start at 1: data below 2^32 is the loop's own.
struct DescriptorTable {
    typealias Handler = (Readiness) -> Void

    private struct Slot {
        var generation: UInt32 = 1
        var descriptor: Int32 = -1
        var handler: Handler?
    }

    private var slots: [Slot] = []
    private var free: [UInt32] = []
    private var owners: [Int32: UInt32] = [:]

    var count: Int { slots.count - free.count }

    /// What the next `insert` returns.
    var next: Registration {
        guard let index = free.last else {
            return Registration(slot: UInt32(slots.count), generation: 1)
        }
        return Registration(slot: index, generation: slots[Int(index)].generation)
    }

    mutating func insert(_ descriptor: Int32, _ handler: @escaping Handler) -> Registration {
        let index = free.popLast() ?? UInt32(slots.count)
        if index == slots.count { slots.append(Slot()) }
        slots[Int(index)].descriptor = descriptor
        slots[Int(index)].handler = handler
        // The last owner's descriptor must have been closed under it, else the kernel would have
        // refused the new one: from now on the number is the new owner's.
        owners[descriptor] = index
        return Registration(slot: index, generation: slots[Int(index)].generation)
    }

    /// Frees the slot.
    ///
    /// The descriptor is returned while the kernel still watches it for this slot.
    mutating func remove(_ registration: Registration) -> (owned: Int32?, handler: Handler)? {
        let index = Int(registration.slot)
        guard let handler = handler(of: registration) else { return nil }
        let descriptor = slots[index].descriptor
        slots[index].handler = nil
        slots[index].descriptor = -1
        // A wrap takes 2^32 registrations of one slot; 0 is the loop's own.
        slots[index].generation &+= 1
        if slots[index].generation == 0 { slots[index].generation = 1 }
        free.append(registration.slot)
        guard owners[descriptor] == registration.slot else { return (nil, handler) }
        owners[descriptor] = nil
        return (descriptor, handler)
    }

    func handler(of registration: Registration) -> Handler? {
        let index = Int(registration.slot)
        guard index < slots.count, slots[index].generation == registration.generation else {
            return nil
        }
        return slots[index].handler
    }

    /// The descriptor, if this registration is the one the kernel watches it for.
    func descriptor(of registration: Registration) -> Int32? {
        guard handler(of: registration) != nil else { return nil }
        let descriptor = slots[Int(registration.slot)].descriptor
        return owners[descriptor] == registration.slot ? descriptor : nil
    }
}
