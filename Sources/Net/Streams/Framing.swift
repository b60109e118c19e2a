// SPDX-License-Identifier: Apache-2.0

/// How a byte stream is cut into frames: told the bytes not yet cut, says what is at their start.
public struct Framing: Sendable {
    /// What is at the start of the bytes.
    public enum Verdict: Hashable, Sendable {
        /// Too little to tell, or a frame that is not whole yet.
        case incomplete
        /// A frame: `skip` bytes that are not handed on, `length` that are, `trailing` that are not.
        case frame(skip: Int, length: Int, trailing: Int)
        /// No frame can start so; the stream is out of step.
        case invalid
    }

    /// The longest frame with its skipped parts; a longer one is an error of the peer.
    public let maxLength: Int
    let verdict: @Sendable (ArraySlice<UInt8>) -> Verdict

    /// Makes a framing of a rule.
    ///
    /// The rule is asked again with more bytes after `.incomplete`.
    public init(maxLength: Int, verdict: @escaping @Sendable (ArraySlice<UInt8>) -> Verdict) {
        self.maxLength = maxLength
        self.verdict = verdict
    }

    /// Whatever comes, as it comes.
    public static let none = Framing(maxLength: 1 << 20) {
        .frame(skip: 0, length: $0.count, trailing: 0)
    }

    /// A 16-bit length before each packet: RFC 4571, as ICE-TCP has it (RFC 6544 section 3).
    public static let rfc4571 = Framing(maxLength: 2 + 65535) { bytes in
        guard bytes.count >= 2 else { return .incomplete }
        let length = Int(bytes[bytes.startIndex]) << 8 | Int(bytes[bytes.startIndex + 1])
        guard bytes.count >= 2 + length else { return .incomplete }
        return .frame(skip: 2, length: length, trailing: 0)
    }

    /// STUN messages and padded ChannelData: RFC 8656 sections 12.4 and 12.5.
    public static let turn = Framing(maxLength: 20 + 65535 + 3) { bytes in
        guard bytes.count >= 4 else { return .incomplete }
        let start = bytes.startIndex
        let length = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
        switch bytes[start] >> 6 {
        case 0:
            guard length % 4 == 0 else { return .invalid }
            guard bytes.count >= 20 + length else { return .incomplete }
            return .frame(skip: 0, length: 20 + length, trailing: 0)
        case 1:
            let padding = (4 - length % 4) % 4
            guard bytes.count >= 4 + length + padding else { return .incomplete }
            return .frame(skip: 0, length: 4 + length, trailing: padding)
        default:
            return .invalid
        }
    }

    /// Text lines without their line feed, at most `maxLength` bytes each with it.
    public static func lines(maxLength: Int) -> Framing {
        Framing(maxLength: maxLength) { bytes in
            guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return .incomplete }
            return .frame(skip: 0, length: end - bytes.startIndex, trailing: 1)
        }
    }
}

/// The bytes of a stream that are not cut into frames yet.
struct FrameBuffer {
    let framing: Framing
    private var bytes: [UInt8] = []
    private var start = 0

    init(framing: Framing) {
        self.framing = framing
    }

    /// Bytes that wait for the rest of their frame.
    var waiting: Int { bytes.count - start }

    mutating func append(_ more: some Collection<UInt8>) {
        // What was cut off leaves before what comes is added: the block does not creep.
        if start > 0 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    enum Step: Equatable {
        case frame([UInt8])
        case incomplete
        case invalid
    }

    mutating func next() -> Step {
        let rest = bytes[start...]
        guard !rest.isEmpty else { return .incomplete }
        switch framing.verdict(rest) {
        case .incomplete:
            return rest.count >= framing.maxLength ? .invalid : .incomplete
        case .frame(let skip, let length, let trailing):
            let whole = skip + length + trailing
            guard skip >= 0, length >= 0, trailing >= 0, whole > 0, whole <= rest.count,
                whole <= framing.maxLength
            else { return .invalid }
            let first = start + skip
            start += whole
            return .frame(Array(bytes[first..<first + length]))
        case .invalid:
            return .invalid
        }
    }
}

/// Bytes that wait for room in the kernel, up to a bound.
struct OutBuffer {
    let capacity: Int
    private var bytes: [UInt8] = []
    private var start = 0

    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }
    var pending: ArraySlice<UInt8> { bytes[start...] }

    /// Whether all were taken; none are if not.
    mutating func append(_ more: ArraySlice<UInt8>) -> Bool {
        guard count + more.count <= capacity else { return false }
        bytes.append(contentsOf: more)
        return true
    }

    mutating func removeFirst(_ number: Int) {
        start += number
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.count <= 65536)
            start = 0
        } else if start >= 65536 {
            // Moving the rest is paid for by the 64 KiB that went.
            bytes.removeFirst(start)
            start = 0
        }
    }

    mutating func removeAll() {
        bytes = []
        start = 0
    }
}
