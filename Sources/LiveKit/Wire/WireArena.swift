// SPDX-License-Identifier: Apache-2.0
internal import CLiveKitProto

/// The memory of one message in C form, decoded or about to be encoded: taken piece by piece, given
/// back all at once when the arena goes.
///
/// protobuf-c allocates from it through `withAllocator`, so a hostile frame costs at most `budget`
/// (a megabyte of empty submessages would otherwise unfold into hundreds), nothing can leak, and
/// `free_unpacked` is not needed.
final class WireArena {
    /// What protobuf-c aligns its own structures to.
    private static let alignment = MemoryLayout<max_align_t>.alignment
    /// One block holds all of a usual message.
    private static let blockSize = 4096

    private var blocks: [UnsafeMutableRawPointer] = []
    private var next: UnsafeMutableRawPointer?
    private var left = 0
    private var budget: Int

    /// Blocks not yet given back, over all arenas of a test that counts them.
    let ledger: Ledger?

    /// Counts blocks, for tests of leaks.
    final class Ledger {
        var blocks = 0
    }

    /// Creates an arena that gives at most `budget` bytes.
    init(budget: Int, ledger: Ledger? = nil) {
        self.budget = budget
        self.ledger = ledger
    }

    deinit {
        // SAFETY: every block came from `allocate` below and is given back here alone.
        for block in blocks { block.deallocate() }
        ledger?.blocks -= blocks.count
    }

    /// `count` bytes, aligned for anything and not initialised; nil when the budget is used up.
    func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
        guard count >= 0, count <= budget else { return nil }
        let size = (count + Self.alignment - 1) / Self.alignment * Self.alignment
        if size > left {
            let block = max(size, Self.blockSize)
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: block, alignment: Self.alignment)
            blocks.append(memory)
            ledger?.blocks += 1
            next = memory
            left = block
        }
        guard let start = next else { return nil }
        // SAFETY: `left` bytes from `next` belong to the newest block and were given to nobody.
        next = start + size
        left -= size
        budget -= min(size, budget)
        return start
    }

    /// Memory for `count` values.
    func allocate<T>(_ type: T.Type, _ count: Int) -> UnsafeMutablePointer<T>? {
        guard count > 0 else { return nil }
        let (size, overflow) = MemoryLayout<T>.stride.multipliedReportingOverflow(by: count)
        guard !overflow else { return nil }
        // SAFETY: the memory is aligned for any C type and as long as asked for.
        return allocate(size)?.bindMemory(to: type, capacity: count)
    }

    /// Lends protobuf-c an allocator that takes from this arena.
    func withAllocator<R>(_ body: (UnsafeMutablePointer<ProtobufCAllocator>) -> R) -> R {
        // SAFETY: the arena outlives the call, and protobuf-c keeps no allocator beyond it.
        let context = Unmanaged.passUnretained(self).toOpaque()
        var allocator = ProtobufCAllocator(
            alloc: arenaAllocate, free: arenaFree, allocator_data: context)
        return withExtendedLifetime(self) { body(&allocator) }
    }
}

private func arenaAllocate(
    _ context: UnsafeMutableRawPointer?, _ count: Int
) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    // SAFETY: the context is the arena of `withAllocator`, alive while protobuf-c runs.
    return Unmanaged<WireArena>.fromOpaque(context).takeUnretainedValue().allocate(count)
}

private func arenaFree(_ context: UnsafeMutableRawPointer?, _ memory: UnsafeMutableRawPointer?) {
    // The arena gives everything back at once.
}
