// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Glibc

/// The loop from stdin to stdout: one request after the other, with an eye on stdin while it
/// speaks, for a cancel.
final class EngineLoop<Engine: SpeechEngine> {
    private var input: [UInt8] = []
    private var waiting: [EngineRequest] = []
    private var hasEnded = false
    private let engine: Engine

    /// The parent sends a chunk when the one before is done; more than this is not ours.
    private var maxWaiting: Int { 64 }

    init(_ engine: Engine) {
        self.engine = engine
    }

    func run() {
        var ready = JSONWriter()
        ready.object { json in
            json.member("voices") { voices in
                voices.array { for name in engine.voices { $0.value(name) } }
            }
        }
        send("R", ready.bytes)
        while !hasEnded || !waiting.isEmpty {
            if waiting.isEmpty {
                read(waits: true)
            } else {
                answer(waiting.removeFirst())
            }
        }
    }

    private func answer(_ request: EngineRequest) {
        switch request {
        case .cancel:
            break  // of something that is over
        case .load(let voice):
            engine.load(voice)
            var json = JSONWriter()
            json.object { $0.member("voice", voice) }
            send("L", json.bytes)
        case .refused(let id):
            sendEnd(id, "refused", 0)
        case .speak(let id, let voice, let words):
            guard engine.voices.contains(voice), words.allSatisfy({ engine.accepts($0.text) })
            else { return sendEnd(id, "refused", 0) }
            var samples = 0
            let outcome = engine.speak(words, voice: voice) { event in
                if case .audio(let pcm) = event { samples += pcm.count }
                send(event, of: id)
                read(waits: false)
                return !takeCancel(of: id)
            }
            sendEnd(id, outcome.rawValue, samples)
        case .phones(let id, let voice, let words):
            guard engine.voices.contains(voice), words.allSatisfy(engine.accepts),
                let phones = engine.phones(of: words, voice: voice)
            else { return sendEnd(id, "refused", 0) }
            send(phones, of: id)
            sendEnd(id, "done", 0)
        }
    }

    /// Whether stdin asked to stop `id`, or is at its end.
    private func takeCancel(of id: UInt32) -> Bool {
        let before = waiting.count
        waiting.removeAll { $0 == .cancel(id: id) }
        return hasEnded || waiting.count < before
    }

    // MARK: stdin

    private func read(waits: Bool) {
        if !waits {
            var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 0) > 0 else { return }
        }
        let start = input.count
        input.append(contentsOf: repeatElement(0, count: 16_384))
        // SAFETY: the 16,384 bytes from `start` were just appended.
        let count = input.withUnsafeMutableBytes {
            Glibc.read(STDIN_FILENO, $0.baseAddress.map { $0 + start }, 16_384)
        }
        input.removeLast(16_384 - max(0, count))
        if count == 0 || (count < 0 && errno != EINTR) { hasEnded = true }
        while let end = input.firstIndex(of: UInt8(ascii: "\n")) {
            if let request = EngineRequest(line: Array(input[..<end])) { accept(request) }
            input.removeFirst(end + 1)
        }
        if input.count > EngineRequest.maxLineBytes { hasEnded = true }
    }

    private func accept(_ request: EngineRequest) {
        if case .cancel(let id) = request,
            let index = waiting.firstIndex(where: { $0.id == id })
        {
            waiting.remove(at: index)
            return sendEnd(id, "cancelled", 0)
        }
        guard waiting.count < maxWaiting else {
            hasEnded = true
            return
        }
        waiting.append(request)
    }

    // MARK: stdout

    private func send(_ event: SpeechEvent, of id: UInt32) {
        switch event {
        case .working:
            break
        case .times(let times):
            var json = JSONWriter(capacity: 2_048)
            json.object { json in
                json.member("id", id)
                json.member("rate", times.rate)
                json.member("phones") { list in
                    list.array {
                        for phone in times.phones {
                            $0.array {
                                $0.value(phone.symbol)
                                $0.value(phone.end)
                            }
                        }
                    }
                }
                json.member("words") { list in
                    list.array {
                        for word in times.words {
                            $0.array {
                                $0.value(word.lowerBound)
                                $0.value(word.upperBound)
                            }
                        }
                    }
                }
            }
            send("T", json.bytes)
        case .audio(let pcm):
            var payload = ByteWriter(capacity: 4 + pcm.count * 2)
            payload.uint32(id)
            for sample in pcm {
                payload.uint8(UInt8(truncatingIfNeeded: sample))
                payload.uint8(UInt8(truncatingIfNeeded: sample >> 8))
            }
            send("A", payload.bytes)
        }
    }

    private func send(_ phones: [[String]], of id: UInt32) {
        var json = JSONWriter(capacity: 2_048)
        json.object { json in
            json.member("id", id)
            json.member("phones") { list in
                list.array {
                    for word in phones {
                        $0.array { for phone in word { $0.value(phone) } }
                    }
                }
            }
        }
        send("P", json.bytes)
    }

    private func sendEnd(_ id: UInt32, _ status: String, _ samples: Int) {
        var json = JSONWriter()
        json.object {
            $0.member("id", id)
            $0.member("status", status)
            $0.member("samples", samples)
        }
        send("E", json.bytes)
    }

    /// Writes one frame whole; the process ends when nobody reads any more.
    private func send(_ kind: Unicode.Scalar, _ payload: [UInt8]) {
        var frame = ByteWriter(capacity: 5 + payload.count)
        frame.uint8(UInt8(ascii: kind))
        frame.uint32(UInt32(payload.count))
        frame.append(payload)
        // SAFETY: `offset` stays within the frame by what `write` says it took.
        frame.bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = write(
                    STDOUT_FILENO, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { exit(0) }
                offset += count
            }
        }
    }
}
