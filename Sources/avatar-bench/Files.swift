// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Reading what a measurement is made on.
enum Files {
    /// Largest file that is read, bytes.
    static let bytesMax = 1 << 30

    /// The bytes of a file; one that ends in `.gz` is unpacked by gzip.
    static func bytes(_ path: String) throws(BenchFailure) -> [UInt8] {
        if path.hasSuffix(".gz") { return try unpacked(path) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw BenchFailure(message: "\(path) cannot be read.") }
        defer { close(descriptor) }
        return try drain(descriptor, path)
    }

    /// The text of a file, whatever its encoding makes of letters beyond ASCII.
    static func text(_ path: String) throws(BenchFailure) -> String {
        String(decoding: try bytes(path), as: UTF8.self)
    }

    static func exists(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// The names in a folder, sorted; none where there is no such folder.
    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                // SAFETY: the name lies in the entry and ends with a zero.
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    private static func drain(_ descriptor: Int32, _ path: String) throws(BenchFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw BenchFailure(message: "\(path) cannot be read.") }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= bytesMax else {
                throw BenchFailure(message: "\(path) is larger than a gigabyte.")
            }
        }
    }

    /// gzip as a child: the one place that needs it, so no library is linked for it.
    private static func unpacked(_ path: String) throws(BenchFailure) -> [UInt8] {
        var ends: [Int32] = [0, 0]
        guard exists(path), pipe(&ends) == 0 else {
            throw BenchFailure(message: "\(path) cannot be read.")
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        var arguments: [UnsafeMutablePointer<CChar>?] =
            ["gzip", "-dc", "--", path].map { (text: String) in strdup(text) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        let status = posix_spawnp(&child, "gzip", &actions, nil, &arguments, environ)
        close(ends[1])
        defer { close(ends[0]) }
        guard status == 0 else { throw BenchFailure(message: "gzip cannot be started.") }
        let bytes = try drain(ends[0], path)
        var code: Int32 = 0
        waitpid(child, &code, 0)
        guard code == 0 else { throw BenchFailure(message: "\(path) cannot be unpacked.") }
        return bytes
    }
}
