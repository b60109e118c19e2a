// SPDX-License-Identifier: Apache-2.0
import Foundation
import LipSync
import Testing

@testable import avatar_bench

@Suite struct CueFilesTests {
    /// Rhubarb's E is a rounded mouth, Oculus's and ours a spread one.
    @Test(arguments: [
        ("json", #"{"mouthCues":[{"start":0,"end":1,"value":"E"}]}"#, Viseme.o),
        ("json", #"{"visemes":["E"],"times":[0],"durations":[1000]}"#, .e),
        ("tsv", "0\tE\n", .e),
    ])
    func oneLetterIsEachMakersOwnMouth(ending: String, text: String, viseme: Viseme) throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "cues-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(text.utf8).write(to: folder.appending(path: "one.\(ending)"))
        let files = try CueFiles("other=\(folder.path)")
        let frames = try #require(try files.frames("one", count: 5))
        #expect(frames.count == 5)
        for frame in frames { #expect(frame.dominant == viseme) }
    }
}
