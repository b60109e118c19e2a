// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a configuration: one or more places, in the order of their lines.
///
/// Never holds a value of the file: values may be secrets.
public struct ConfigError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One wrong place.
    public struct Problem: Hashable, Sendable, CustomStringConvertible {
        /// The file's name as given.
        public let file: String
        /// Counted from 1; 0 for the file as a whole.
        public let line: Int
        /// What is wrong, beginning with the key's path where there is one.
        public let message: String

        /// `agent.yaml:12: livekit.url must be text`.
        public var description: String {
            line > 0 ? "\(file):\(line): \(message)" : "\(file): \(message)"
        }
    }

    /// The wrong places; at least one.
    public let problems: [Problem]

    init(_ problems: [Problem]) {
        self.problems = problems
    }

    init(file: String, line: Int, _ message: String) {
        self.init([Problem(file: file, line: line, message: message)])
    }

    /// One line for each problem.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
