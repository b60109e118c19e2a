// SPDX-License-Identifier: Apache-2.0
internal import Base

/// Packet types of RTCP (IANA).
enum RTCPType {
    static let senderReport: UInt8 = 200
    static let receiverReport: UInt8 = 201
    static let sourceDescription: UInt8 = 202
    static let goodbye: UInt8 = 203
    static let transportFeedback: UInt8 = 205
    static let payloadFeedback: UInt8 = 206
    static let extendedReport: UInt8 = 207
    static let genericNACKFormat: UInt8 = 1
    static let pictureLossFormat: UInt8 = 1
    static let fullIntraFormat: UInt8 = 4
    static let receiverReferenceBlock: UInt8 = 4
    static let delayBlock: UInt8 = 5
}

extension RTCPPacket {
    /// Parses a datagram of RTCP after SRTCP: a compound packet, or less of it where reduced size
    /// is agreed (RFC 5506), which is not told apart. Either all of it is understood or it throws.
    public static func parse(_ bytes: [UInt8]) throws(RTCPError) -> [RTCPPacket] {
        var reader = ByteReader(bytes)
        var packets: [RTCPPacket] = []
        repeat {
            guard let first = reader.uint8(), let type = reader.uint8(),
                let words = reader.uint16()
            else { throw .truncated }
            guard first >> 6 == 2 else { throw .wrongVersion }
            guard packets.count < packetsMax else { throw .tooManyPackets }
            let start = reader.position
            guard reader.skip(4 * Int(words)) else { throw .truncated }
            var end = reader.position
            if first & 0x20 != 0 {
                guard end > start, bytes[end - 1] != 0, Int(bytes[end - 1]) <= end - start else {
                    throw .malformed(type: type)
                }
                end -= Int(bytes[end - 1])
            }
            var body = ByteReader(bytes, in: start..<end)
            guard let packet = packet(type, count: first & 0x1F, &body) else {
                throw .malformed(type: type)
            }
            packets.append(packet)
        } while !reader.isAtEnd
        return packets
    }

    private static func packet(
        _ type: UInt8, count: UInt8, _ body: inout ByteReader
    ) -> RTCPPacket? {
        switch type {
        case RTCPType.senderReport: senderReport(count, &body)
        case RTCPType.receiverReport: receiverReport(count, &body)
        case RTCPType.sourceDescription: sourceDescription(count, &body)
        case RTCPType.goodbye: goodbye(count, &body)
        case RTCPType.transportFeedback: transportFeedback(count, &body)
        case RTCPType.payloadFeedback: payloadFeedback(count, &body)
        case RTCPType.extendedReport: extendedReport(&body)
        default: .other(type: type, format: count)
        }
    }

    private static func senderReport(_ count: UInt8, _ body: inout ByteReader) -> RTCPPacket? {
        guard let ssrc = body.uint32(), let ntp = body.uint64(), let rtp = body.uint32(),
            let packets = body.uint32(), let octets = body.uint32(),
            let blocks = reportBlocks(count, &body)
        else { return nil }
        return .senderReport(
            RTCPSenderReport(
                ssrc: ssrc, ntpTime: NTPTime(bits: ntp), rtpTimestamp: rtp, packetCount: packets,
                octetCount: octets, blocks: blocks))
    }

    private static func receiverReport(_ count: UInt8, _ body: inout ByteReader) -> RTCPPacket? {
        guard let ssrc = body.uint32(), let blocks = reportBlocks(count, &body) else { return nil }
        return .receiverReport(RTCPReceiverReport(ssrc: ssrc, blocks: blocks))
    }

    private static func reportBlocks(
        _ count: UInt8, _ body: inout ByteReader
    ) -> [RTCPReportBlock]? {
        var blocks: [RTCPReportBlock] = []
        for _ in 0..<count {
            guard let ssrc = body.uint32(), let fraction = body.uint8(), let lost = body.uint24(),
                let highest = body.uint32(), let jitter = body.uint32(), let last = body.uint32(),
                let delay = body.uint32()
            else { return nil }
            blocks.append(
                RTCPReportBlock(
                    ssrc: ssrc, fractionLost: fraction,
                    cumulativeLost: Int32(bitPattern: lost << 8) >> 8, highestSequence: highest,
                    jitter: jitter, lastSenderReport: last, delaySinceLastSenderReport: delay))
        }
        return blocks
    }

    private static func sourceDescription(
        _ count: UInt8, _ body: inout ByteReader
    ) -> RTCPPacket? {
        var chunks: [RTCPSourceDescription] = []
        for _ in 0..<count {
            let start = body.position
            guard let ssrc = body.uint32() else { return nil }
            var chunk = RTCPSourceDescription(ssrc: ssrc, items: [])
            while true {
                guard let type = body.uint8() else { return nil }
                if type == 0 { break }
                guard let length = body.uint8(), let value = body.array(Int(length)) else {
                    return nil
                }
                chunk.items.append(RTCPSourceDescription.Item(type: type, value: value))
            }
            while (body.position - start) % 4 != 0 {
                guard body.skip(1) else { return nil }
            }
            chunks.append(chunk)
        }
        return .sourceDescription(chunks)
    }

    private static func goodbye(_ count: UInt8, _ body: inout ByteReader) -> RTCPPacket? {
        var ssrcs: [UInt32] = []
        for _ in 0..<count {
            guard let ssrc = body.uint32() else { return nil }
            ssrcs.append(ssrc)
        }
        return .goodbye(ssrcs: ssrcs)
    }

    private static func transportFeedback(
        _ format: UInt8, _ body: inout ByteReader
    ) -> RTCPPacket? {
        guard format == RTCPType.genericNACKFormat else {
            return .other(type: RTCPType.transportFeedback, format: format)
        }
        guard let sender = body.uint32(), let media = body.uint32() else { return nil }
        var nack = RTCPGenericNACK(sender: sender, media: media, items: [])
        while let first = body.uint16(), let mask = body.uint16() {
            nack.items.append(RTCPGenericNACK.Item(first: first, mask: mask))
        }
        return .genericNACK(nack)
    }

    private static func payloadFeedback(
        _ format: UInt8, _ body: inout ByteReader
    ) -> RTCPPacket? {
        switch format {
        case RTCPType.pictureLossFormat:
            guard let sender = body.uint32(), let media = body.uint32() else { return nil }
            return .pictureLossIndication(sender: sender, media: media)
        case RTCPType.fullIntraFormat:
            guard let sender = body.uint32(), body.skip(4) else { return nil }
            var media: [UInt32] = []
            while let ssrc = body.uint32(), body.skip(4) { media.append(ssrc) }
            return .fullIntraRequest(sender: sender, media: media)
        default:
            return .other(type: RTCPType.payloadFeedback, format: format)
        }
    }

    private static func extendedReport(_ body: inout ByteReader) -> RTCPPacket? {
        guard let ssrc = body.uint32() else { return nil }
        var report = RTCPExtendedReport(ssrc: ssrc)
        while !body.isAtEnd {
            guard let type = body.uint8(), body.skip(1), let words = body.uint16(),
                var block = body.slice(4 * Int(words))
            else { return nil }
            switch type {
            case RTCPType.receiverReferenceBlock:
                guard let time = block.uint64() else { return nil }
                report.receiverReferenceTime = NTPTime(bits: time)
            case RTCPType.delayBlock:
                while let ssrc = block.uint32(), let last = block.uint32(),
                    let delay = block.uint32()
                {
                    report.delays.append(
                        RTCPExtendedReport.Delay(
                            ssrc: ssrc, lastReceiverReport: last, delay: delay))
                }
            default: break
            }
        }
        return .extendedReport(report)
    }
}
