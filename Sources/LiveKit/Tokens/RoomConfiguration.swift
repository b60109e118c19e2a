// SPDX-License-Identifier: Apache-2.0
public import Base

/// How a room is set up: the claim `roomConfig`. A server looks at it only when the join with this
/// token creates the room.
public struct RoomConfiguration: Hashable, Sendable {
    /// An agent that is sent into the new room.
    public struct Agent: Hashable, Sendable {
        /// The name under which workers registered; empty for those that take every room.
        public var agentName: String
        /// Text handed to the job as it is.
        public var metadata: String
        /// Attributes of the agent's participant.
        public var attributes: [String: String]
        /// Members that this program does not know (restart policy, deployment), kept as they came.
        public var others: [JSONValue.Member]

        /// Asks for the agent that registered as `agentName`.
        public init(
            agentName: String, metadata: String = "", attributes: [String: String] = [:],
            others: [JSONValue.Member] = []
        ) {
            self.agentName = agentName
            self.metadata = metadata
            self.attributes = attributes
            self.others = others
        }
    }

    /// The configuration's name.
    public var name = ""
    /// Seconds that the room stays open before the first participant; 0 for the server's default.
    public var emptyTimeout: UInt32 = 0
    /// Seconds that the room stays open after the last one; 0 for the server's default.
    public var departureTimeout: UInt32 = 0
    /// The most participants; 0 for no limit.
    public var maxParticipants: UInt32 = 0
    /// The room's metadata.
    public var metadata = ""
    /// Agents to dispatch.
    public var agents: [Agent] = []
    /// Members that this program does not know (egress, playout delays, tags), kept as they came.
    public var others: [JSONValue.Member] = []

    /// Creates a configuration that changes nothing.
    public init() {}
}

extension RoomConfiguration {
    /// Reads protojson, which takes both spellings of a name and numbers as text.
    init(json: JSONValue) throws(AccessToken.Refusal) {
        guard let members = json.members else { throw .invalidClaim("roomConfig") }
        for member in members where !member.value.isNull {
            switch member.name {
            case "name": name = try ClaimReader.string(member)
            case "metadata": metadata = try ClaimReader.string(member)
            case "emptyTimeout", "empty_timeout": emptyTimeout = try ClaimReader.uint32(member)
            case "departureTimeout", "departure_timeout":
                departureTimeout = try ClaimReader.uint32(member)
            case "maxParticipants", "max_participants":
                maxParticipants = try ClaimReader.uint32(member)
            case "agents":
                guard let list = member.value.array else { throw .invalidClaim("roomConfig") }
                agents = try list.map { json throws(AccessToken.Refusal) in try Agent(json: json) }
            default: others.append(member)
            }
        }
    }

    func write(into json: inout JSONWriter) {
        json.object { json in
            if !name.isEmpty { json.member("name", name) }
            if emptyTimeout > 0 { json.member("emptyTimeout", emptyTimeout) }
            if departureTimeout > 0 { json.member("departureTimeout", departureTimeout) }
            if maxParticipants > 0 { json.member("maxParticipants", maxParticipants) }
            if !metadata.isEmpty { json.member("metadata", metadata) }
            if !agents.isEmpty {
                json.member("agents") { json in
                    json.array { json in for agent in agents { agent.write(into: &json) } }
                }
            }
            for member in others { json.member(member.name, member.value) }
        }
    }
}

extension RoomConfiguration.Agent {
    init(json: JSONValue) throws(AccessToken.Refusal) {
        guard let members = json.members else { throw .invalidClaim("roomConfig") }
        self.init(agentName: "")
        for member in members where !member.value.isNull {
            switch member.name {
            case "agentName", "agent_name": agentName = try ClaimReader.string(member)
            case "metadata": metadata = try ClaimReader.string(member)
            case "attributes": attributes = try ClaimReader.dictionary(member)
            default: others.append(member)
            }
        }
    }

    func write(into json: inout JSONWriter) {
        json.object { json in
            json.member("agentName", agentName)
            if !metadata.isEmpty { json.member("metadata", metadata) }
            if !attributes.isEmpty {
                json.member("attributes") { ClaimReader.write(attributes, into: &$0) }
            }
            for member in others { json.member(member.name, member.value) }
        }
    }
}
