// SPDX-License-Identifier: Apache-2.0
import LiveKit
import Testing

@Suite struct RecordedFrameTests {
    @Test func allRecordingsAreThere() {
        #expect(RecordedFrame.runs.count == 39)
    }

    /// Three releases of the server and four SDKs agree with our field lists to the byte: nothing
    /// is lost, nothing is said otherwise.
    @Test(arguments: RecordedFrame.runs)
    func everyFrameIsReadAndWrittenBackTheSame(run: String) throws {
        let frames = try RecordedFrame.frames(of: run)
        #expect(!frames.isEmpty)
        for frame in frames {
            let name: String
            let again: [UInt8]
            if frame.isFromServer {
                let message = try SignalResponse(decoding: frame.bytes)
                (name, again) = ("\(message)", message.encoded)
            } else {
                let message = try SignalRequest(decoding: frame.bytes)
                (name, again) = ("\(message)", message.encoded)
            }
            #expect(!name.hasPrefix("unknown"))
            #expect(
                again == frame.bytes,
                "\(frame.kind) at \(frame.seconds): \(name.prefix(40)) \(again.count) \(frame.bytes.count)"
            )
        }
    }
}
