// SPDX-License-Identifier: Apache-2.0
internal import Base

extension RTCPPacket {
    /// The bytes of packets one behind the other, as one datagram before SRTCP.
    ///
    /// `other` writes nothing. Counts that do not fit their fields are cut: 31 blocks, chunks or
    /// sources a packet, 255 bytes an item.
    public static func write(_ packets: [RTCPPacket]) -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        for packet in packets { packet.append(to: &writer) }
        return writer.bytes
    }

    /// Blocks, chunks and sources that the five-bit count can tell.
    private static let countMax = 31

    private func append(to writer: inout ByteWriter) {
        switch self {
        case .senderReport(let report):
            let blocks = report.blocks.prefix(Self.countMax)
            Self.packet(RTCPType.senderReport, blocks.count, &writer) { writer in
                writer.uint32(report.ssrc)
                writer.uint64(report.ntpTime.bits)
                writer.uint32(report.rtpTimestamp)
                writer.uint32(report.packetCount)
                writer.uint32(report.octetCount)
                for block in blocks { Self.append(block, to: &writer) }
            }
        case .receiverReport(let report):
            let blocks = report.blocks.prefix(Self.countMax)
            Self.packet(RTCPType.receiverReport, blocks.count, &writer) { writer in
                writer.uint32(report.ssrc)
                for block in blocks { Self.append(block, to: &writer) }
            }
        case .sourceDescription(let chunks):
            let chunks = chunks.prefix(Self.countMax)
            Self.packet(RTCPType.sourceDescription, chunks.count, &writer) { writer in
                for chunk in chunks { Self.append(chunk, to: &writer) }
            }
        case .goodbye(let ssrcs):
            let ssrcs = ssrcs.prefix(Self.countMax)
            Self.packet(RTCPType.goodbye, ssrcs.count, &writer) { writer in
                for ssrc in ssrcs { writer.uint32(ssrc) }
            }
        case .genericNACK(let nack):
            Self.append(nack, to: &writer)
        case .pictureLossIndication(let sender, let media):
            Self.packet(
                RTCPType.payloadFeedback, Int(RTCPType.pictureLossFormat), &writer
            ) { writer in
                writer.uint32(sender)
                writer.uint32(media)
            }
        case .fullIntraRequest(let sender, let media):
            Self.packet(RTCPType.payloadFeedback, Int(RTCPType.fullIntraFormat), &writer) {
                writer in
                writer.uint32(sender)
                writer.uint32(0)
                for ssrc in media {
                    writer.uint32(ssrc)
                    writer.uint32(0)
                }
            }
        case .extendedReport(let report):
            Self.append(report, to: &writer)
        case .other:
            break
        }
    }

    private static func packet(
        _ type: UInt8, _ count: Int, _ writer: inout ByteWriter,
        body: (inout ByteWriter) -> Void
    ) {
        let start = writer.count
        writer.uint8(0x80 | UInt8(truncatingIfNeeded: count & 0x1F))
        writer.uint8(type)
        writer.uint16(0)
        body(&writer)
        let words = (writer.count - start) / 4 - 1
        writer.setUInt16(UInt16(clamping: words), at: start + 2)
    }

    private static func append(_ block: RTCPReportBlock, to writer: inout ByteWriter) {
        writer.uint32(block.ssrc)
        writer.uint8(block.fractionLost)
        writer.uint24(UInt32(bitPattern: block.cumulativeLost))
        writer.uint32(block.highestSequence)
        writer.uint32(block.jitter)
        writer.uint32(block.lastSenderReport)
        writer.uint32(block.delaySinceLastSenderReport)
    }

    private static func append(_ chunk: RTCPSourceDescription, to writer: inout ByteWriter) {
        let start = writer.count
        writer.uint32(chunk.ssrc)
        for item in chunk.items where item.type != 0 {
            let value = item.value.prefix(255)
            writer.uint8(item.type)
            writer.uint8(UInt8(value.count))
            writer.append(value)
        }
        // At least one zero byte ends the list.
        repeat { writer.uint8(0) } while (writer.count - start) % 4 != 0
    }

    private static func append(_ nack: RTCPGenericNACK, to writer: inout ByteWriter) {
        packet(RTCPType.transportFeedback, Int(RTCPType.genericNACKFormat), &writer) { writer in
            writer.uint32(nack.sender)
            writer.uint32(nack.media)
            for item in nack.items {
                writer.uint16(item.first)
                writer.uint16(item.mask)
            }
        }
    }

    private static func append(_ report: RTCPExtendedReport, to writer: inout ByteWriter) {
        packet(RTCPType.extendedReport, 0, &writer) { writer in
            writer.uint32(report.ssrc)
            if let time = report.receiverReferenceTime {
                writer.uint8(RTCPType.receiverReferenceBlock)
                writer.uint8(0)
                writer.uint16(2)
                writer.uint64(time.bits)
            }
            guard !report.delays.isEmpty else { return }
            writer.uint8(RTCPType.delayBlock)
            writer.uint8(0)
            writer.uint16(UInt16(clamping: 3 * report.delays.count))
            for delay in report.delays {
                writer.uint32(delay.ssrc)
                writer.uint32(delay.lastReceiverReport)
                writer.uint32(delay.delay)
            }
        }
    }
}
