// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import CCurl
internal import Net

/// One request and its answer; confined to the loop. The library calls it only while it runs, never
/// when it has been removed from the `CurlMulti`.
final class HTTPTransfer {
    typealias Head = (status: Int, headers: HTTPHeaders)

    /// Unread bytes at which the server is held back.
    private static let bufferMax = 256 * 1024
    /// Unread bytes at which it may go on.
    private static let bufferLow = 64 * 1024
    /// An answer's header fields together.
    private static let headBytesMax = 64 * 1024

    let easy: UnsafeMutableRawPointer
    private let request: HTTPClientRequest
    private var fields: UnsafeMutablePointer<curl_slist>?
    private var sent = 0

    private var status = 0
    private var headers = HTTPHeaders()
    private var headBytes = 0
    private var isHeadDone = false
    private var isTooLarge = false
    private var buffer: [UInt8] = []
    private var isPaused = false
    /// When the answer last brought something; nil before its head.
    private var lastSign: Instant?
    /// The client's alarm for the answer's silence.
    var watch: DeadlineToken?
    /// How it ended: nil while it has not, an error or `.some(nil)` for a whole answer.
    private var outcome: HTTPClientError??
    private var headWaiter: CheckedContinuation<Head, any Error>?
    private var bytesWaiter: CheckedContinuation<[UInt8]?, any Error>?

    /// Makes the library's handle; nil when it has no memory.
    init?(_ request: HTTPClientRequest) {
        guard let easy = curl_easy_init() else { return nil }
        self.easy = easy
        self.request = request
        configure()
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(fields)
    }

    private func configure() {
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_FOLLOWLOCATION, 0)
        // Waiting for a connection to become HTTP/2 is for TLS, whose handshake tells at once; over
        // plain TCP a request would wait for the whole answer of the one before it.
        let isTLS = request.url.prefix(8).lowercased() == "https://"
        set(CURLOPT_HTTP_VERSION, isTLS ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)
        set(CURLOPT_PIPEWAIT, isTLS ? 1 : 0)
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        set(CURLOPT_URL, request.url)
        set(CURLOPT_CAINFO, request.certificateAuthorities)
        set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connectTimeout))
        set(CURLOPT_TIMEOUT_MS, milliseconds(request.timeout))
        set(CURLOPT_LOW_SPEED_LIMIT, 1)
        set(CURLOPT_LOW_SPEED_TIME, max(1, Int(request.silenceTimeout.components.seconds)))
        switch request.proxy {
        case .environment: break
        case .none: set(CURLOPT_PROXY, "")
        case .url(let url): set(CURLOPT_PROXY, url)
        }
        configureBody()
        for field in request.headers.fields {
            // A field without a value is written with a semicolon, else it would be left out.
            let line = field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)"
            fields = curl_slist_append(fields, line) ?? fields
        }
        // No wait for 100 Continue: servers that do not know it cost a second.
        fields = curl_slist_append(fields, "Expect:") ?? fields
        ccurl_set_pointer(easy, CURLOPT_HTTPHEADER, fields)
        // SAFETY: this object cleans the handle up before it goes.
        let this = Unmanaged.passUnretained(self).toOpaque()
        ccurl_set_sink(easy, CURLOPT_WRITEFUNCTION, CURLOPT_WRITEDATA, bodyCallback, this)
        ccurl_set_sink(easy, CURLOPT_HEADERFUNCTION, CURLOPT_HEADERDATA, headerCallback, this)
        ccurl_set_source(easy, sourceCallback, this)
    }

    private func configureBody() {
        if request.body.isEmpty {
            if request.method == "HEAD" { set(CURLOPT_NOBODY, 1) }
            if ["POST", "PUT", "PATCH"].contains(request.method) {
                set(CURLOPT_POST, 1)
                ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, 0)
                set(CURLOPT_COPYPOSTFIELDS, "")
            }
        } else {
            set(CURLOPT_POST, 1)
            ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            // Without COPYPOSTFIELDS the body is read from us, and as nothing can be set back the
            // library cannot send it twice (its error 65).
            if !request.mustNotRepeat {
                _ = request.body.withUnsafeBytes {
                    ccurl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, $0.baseAddress)
                }
            }
        }
        if request.method != "HEAD" { set(CURLOPT_CUSTOMREQUEST, request.method) }
    }

    private func set(_ option: CURLoption, _ value: Int) {
        ccurl_set_long(easy, option, value)
    }

    private func set(_ option: CURLoption, _ text: String) {
        _ = text.withCString { ccurl_set_pointer(easy, option, $0) }
    }

    /// At least 1: 0 means "no limit" or a default of the library's.
    private func milliseconds(_ duration: Duration) -> Int {
        max(
            1,
            Int(duration.components.seconds) * 1000
                + Int(duration.components.attoseconds / 1_000_000_000_000_000))
    }

    // MARK: from the client

    func awaitHead(_ continuation: CheckedContinuation<Head, any Error>) {
        if isHeadDone {
            continuation.resume(returning: (status, headers))
        } else if let outcome {
            continuation.resume(throwing: outcome ?? .connectionLost)
        } else {
            headWaiter = continuation
        }
    }

    /// Hands over all that is there, or the next that comes. One at a time.
    func awaitBytes(_ continuation: CheckedContinuation<[UInt8]?, any Error>) {
        if !buffer.isEmpty {
            continuation.resume(returning: takeAll())
            resumeReading()
        } else if let outcome {
            if let error = outcome {
                continuation.resume(throwing: error)
            } else {
                continuation.resume(returning: nil)
            }
        } else {
            precondition(bytesWaiter == nil, "a body has one reader")
            bytesWaiter = continuation
            resumeReading()
        }
    }

    var isOver: Bool { outcome != nil }

    /// When the answer's silence is to be ended, unless something comes. Without effect before the
    /// head and while we are the ones who hold it up: then it is looked at again later.
    func silenceEnd(at now: Instant) -> Instant {
        guard let lastSign, !isPaused else { return now + request.silenceTimeout }
        return lastSign + request.silenceTimeout
    }

    private func takeAll() -> [UInt8] {
        defer { buffer = [] }
        return buffer
    }

    private func resumeReading() {
        guard isPaused, buffer.count < Self.bufferLow, outcome == nil else { return }
        isPaused = false
        lastSign = Loop.now
        // May call `bodyCame` before it returns.
        curl_easy_pause(easy, CURLPAUSE_CONT)
    }

    /// The transfer is over; only the first end counts.
    func ended(_ error: HTTPClientError?) {
        guard outcome == nil else { return }
        let error = isTooLarge ? .tooLarge : error
        outcome = .some(error)
        if let waiter = headWaiter {
            headWaiter = nil
            waiter.resume(throwing: error ?? .connectionLost)
        }
        if let waiter = bytesWaiter {
            bytesWaiter = nil
            if let error { waiter.resume(throwing: error) } else { waiter.resume(returning: nil) }
        }
    }

    // MARK: from the library; it must not be called in here

    /// One line of the head, or of one before it: a 100, or a proxy's.
    fileprivate func headerCame(_ line: [UInt8]) -> Bool {
        headBytes += line.count
        guard headBytes <= Self.headBytesMax else {
            isTooLarge = true
            return false
        }
        let text = String(decoding: line.prefix { $0 != 13 && $0 != 10 }, as: UTF8.self)
        if isHeadDone { return true }  // a trailer
        if text.hasPrefix("HTTP/") {
            status = Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0
            headers = HTTPHeaders()
        } else if text.isEmpty {
            guard status >= 200 else { return true }
            isHeadDone = true
            lastSign = Loop.now
            headWaiter?.resume(returning: (status, headers))
            headWaiter = nil
        } else if let colon = text.firstIndex(of: ":") {
            headers.append(
                String(text[..<colon]), String(text[text.index(after: colon)...]).trimmingBlanks)
        }
        return true
    }

    /// Takes a piece of the body; false to have it again later.
    fileprivate func bodyCame(_ piece: UnsafeRawBufferPointer) -> Bool {
        lastSign = Loop.now
        if let waiter = bytesWaiter {
            bytesWaiter = nil
            waiter.resume(returning: Array(piece))
            return true
        }
        guard buffer.isEmpty || buffer.count + piece.count <= Self.bufferMax else {
            isPaused = true
            return false
        }
        buffer += piece
        return true
    }

    fileprivate func bodyWanted(_ room: UnsafeMutableRawBufferPointer) -> Int {
        let piece = request.body[sent..<min(request.body.count, sent + room.count)]
        room.copyBytes(from: piece)
        sent += piece.count
        return piece.count
    }
}

private func transfer(_ context: UnsafeMutableRawPointer?) -> HTTPTransfer? {
    // SAFETY: the transfer owns the handle whose callbacks these are.
    context.map { Unmanaged<HTTPTransfer>.fromOpaque($0).takeUnretainedValue() }
}

private func headerCallback(
    _ line: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    let bytes = Array(UnsafeRawBufferPointer(start: line, count: size * count))
    return transfer(context)?.headerCame(bytes) == true ? size * count : 0
}

private func bodyCallback(
    _ piece: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    let bytes = UnsafeRawBufferPointer(start: piece, count: size * count)
    guard let transfer = transfer(context) else { return 0 }
    return transfer.bodyCame(bytes) ? bytes.count : Int(CURL_WRITEFUNC_PAUSE)
}

private func sourceCallback(
    _ room: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let room, let transfer = transfer(context) else { return 0 }
    return transfer.bodyWanted(UnsafeMutableRawBufferPointer(start: room, count: size * count))
}
