// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport

/// The package's own source files, as text.
struct SourceTree {
    struct File {
        /// Path from the package's root.
        let path: String
        let lines: [String]

        /// The folder below `Sources` or `Tests`.
        var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
        /// Modules it imports, with the line number of each.
        var imports: [(module: String, line: Int)] {
            lines.enumerated().compactMap { index, line in
                var words = line.split(separator: " ").map(String.init)
                while let first = words.first,
                    ["public", "package", "internal", "private", "@testable", "@preconcurrency"]
                        .contains(first)
                {
                    words.removeFirst()
                }
                guard words.first == "import", words.count > 1 else { return nil }
                let name = words[1] == "func" || words[1] == "struct" ? words[2] : words[1]
                return (String(name.split(separator: ".")[0]), index + 1)
            }
        }

        /// Lines without comments and text, with their numbers.
        var code: [(number: Int, text: String)] {
            lines.enumerated().compactMap { index, line in
                let text = line.split(
                    separator: "//", maxSplits: 1, omittingEmptySubsequences: false)[0]
                return text.allSatisfy(\.isWhitespace)
                    ? nil : (index + 1, SourceTree.unquoted(text))
            }
        }
    }

    let files: [File]

    init(below folder: String, suffix: String = ".swift") throws {
        let root = Fixtures.package
        let start = root.appending(path: folder)
        var files: [File] = []
        let walk = FileManager.default.enumerator(at: start, includingPropertiesForKeys: nil)
        while let url = walk?.nextObject() as? URL {
            guard url.lastPathComponent.hasSuffix(suffix) else { continue }
            let text = try String(contentsOf: url, encoding: .utf8)
            let path = url.path.dropFirst(root.standardizedFileURL.path.count)
            files.append(
                File(
                    path: String(path.drop { $0 == "/" }),
                    lines: text.split(separator: "\n", omittingEmptySubsequences: false)
                        .map(String.init)))
        }
        self.files = files.sorted { $0.path < $1.path }
    }

    /// Blanks out string literals, so that a word in a text is no finding.
    private static func unquoted(_ line: Substring) -> String {
        var output = ""
        var inside = false
        var previous: Character = " "
        for character in line {
            if character == "\"", previous != "\\" { inside.toggle() }
            output.append(inside && character != "\"" ? " " : character)
            previous = character
        }
        return output
    }
}
