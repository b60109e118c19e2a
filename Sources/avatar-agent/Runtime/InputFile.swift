// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Bytes of a file or of standard input, bounded.
struct InputFile: ~Copyable {
    /// Why there are none.
    struct Failure: Error {
        /// The sentence, without a full stop.
        let message: String
    }

    /// Bytes that are read at once.
    private static let piece = 1 << 16

    private let descriptor: Int32
    private let name: String

    /// Opens a file; "-" is standard input.
    init(_ path: String) throws(Failure) {
        if path == "-" {
            descriptor = STDIN_FILENO
            name = "standard input"
            return
        }
        name = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(message: "\(path) \(Self.whyNotOpened)")
        }
    }

    /// Opens a file that somebody else named: nothing that could be standard input, or have no end,
    /// or keep whoever reads it waiting.
    init(regular path: String) throws(Failure) {
        // A pipe would be opened only when somebody writes to it.
        let opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0 else {
            throw Failure(message: "\(path) \(Self.whyNotOpened)")
        }
        var status = stat()
        // SAFETY: `status` lasts as long as the call.
        guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(opened)
            throw Failure(message: "\(path) is no regular file")
        }
        descriptor = opened
        name = path
    }

    private static var whyNotOpened: String {
        errno == ENOENT ? "does not exist" : "cannot be opened"
    }

    deinit {
        if descriptor > STDIN_FILENO { close(descriptor) }
    }

    /// The next bytes; none at the end.
    func next() throws(Failure) -> [UInt8] {
        while true {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: Self.piece) { buffer, written in
                // SAFETY: the buffer has room for the piece.
                count = read(descriptor, buffer.baseAddress, Self.piece)
                written = max(count, 0)
            }
            if count >= 0 { return bytes }
            guard errno == EINTR else { throw Failure(message: "\(name) cannot be read") }
        }
    }

    /// Everything, at most `limit` bytes.
    func all(limit: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try next()
            if piece.isEmpty { return bytes }
            bytes += piece
            guard bytes.count <= limit else {
                throw Failure(message: "\(name) is larger than \(limit >> 20) MiB")
            }
        }
    }

    static func all(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
        try InputFile(path).all(limit: limit)
    }
}

/// Bytes cut into lines; a line that is too long is passed over and told as nil.
struct LineCutter {
    private let limit: Int
    private var rest: [UInt8] = []
    private var isTooLong = false

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes bytes and returns the lines that they end, without their ends.
    mutating func add(_ bytes: [UInt8]) -> [[UInt8]?] {
        var lines: [[UInt8]?] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            take(bytes[start..<end])
            lines.append(finish())
            start = end + 1
        }
        take(bytes[start...])
        return lines
    }

    /// The last line, if it has no end.
    mutating func last() -> [[UInt8]?] {
        rest.isEmpty && !isTooLong ? [] : [finish()]
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) {
        guard !isTooLong else { return }
        if rest.count + bytes.count > limit {
            isTooLong = true
            rest = []
        } else {
            rest += bytes
        }
    }

    private mutating func finish() -> [UInt8]? {
        defer {
            rest = []
            isTooLong = false
        }
        return isTooLong ? nil : rest
    }
}
