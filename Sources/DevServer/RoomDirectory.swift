// SPDX-License-Identifier: Apache-2.0
internal import Base
internal import Crypto
internal import LiveKit
internal import Net
internal import Telemetry
internal import Transport
internal import Web

/// The rooms of a server, and whose websocket is whose.
///
/// An actor on the media loop, as the rooms are.
actor RoomDirectory {
    /// Rooms at most, and websockets at most in all of them.
    static let roomsMax = 200
    static let socketsMax = 1000

    private struct Seat {
        let room: ServedRoom
        let sid: String
    }

    nonisolated let environment: ServedEnvironment
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        environment.loop.asUnownedSerialExecutor()
    }
    // SAFETY: used on the media loop alone, by this actor and by the rooms, which live there too.
    private nonisolated(unsafe) let port: UDPMux
    // SAFETY: as above.
    private nonisolated(unsafe) let log: RoomLog
    private(set) var rooms: [String: ServedRoom] = [:]
    private var seats: [ObjectIdentifier: Seat] = [:]
    private var isStopped = false

    /// Opens the media port; on the media loop.
    init(
        _ environment: ServedEnvironment, addresses: [IPAddress], port: UInt16, log: Logger
    ) throws(SystemError) {
        self.environment = environment
        self.log = RoomLog(log, on: environment.loop)
        self.port = try UDPMux(on: environment.loop, bindingTo: addresses, port: port)
    }

    /// Whether one more may come.
    func hasRoom(for name: String) -> Bool {
        !isStopped && seats.count < Self.socketsMax
            && (rooms[name] != nil || rooms.count < Self.roomsMax)
    }

    /// What a client's websocket tells.
    func happened(_ event: WebSocketEvent, _ socket: WebSocketConnection, _ ticket: JoinTicket) {
        let key = ObjectIdentifier(socket)
        switch event {
        case .opened:
            guard hasRoom(for: ticket.room) else {
                ServedRoom.refuse(socket, .joinFailure, .disconnect)
                return
            }
            // Nobody is there whose session could go on: no room is made for that.
            guard !ticket.reconnects || rooms[ticket.room] != nil else {
                ServedRoom.refuse(socket, .stateMismatch, .reconnect)
                return
            }
            let room = room(ticket.room, ticket.claims.roomConfiguration)
            let sid = room.assumeIsolated { $0.enter(ticket, socket) }
            if let sid { seats[key] = Seat(room: room, sid: sid) }
        case .frame(let frame):
            guard let seat = seats[key] else { return }
            guard case .binary(let bytes) = frame else { return }
            let isMessage = seat.room.assumeIsolated { $0.received(bytes, from: seat.sid) }
            if !isMessage { socket.close(code: 1007) }
        case .closed, .failed:
            guard let seat = seats.removeValue(forKey: key) else { return }
            seat.room.assumeIsolated { $0.socketEnded(seat.sid, socket) }
        }
    }

    /// The room of this name, made if there is none.
    func room(_ name: String, _ configuration: RoomConfiguration?) -> ServedRoom {
        if let room = rooms[name] { return room }
        let time = RoomTime(instant: environment.loop.now, wall: Loop.wallClock)
        let state = RoomState(
            name: name, configuration: configuration, now: time, random: SecureRandom())
        let room = ServedRoom(state, on: port, environment, log: log) { [weak self] room in
            self?.assumeIsolated { $0.closed(room) }
        }
        rooms[name] = room
        // Its life is limited from now on, whether somebody comes or not.
        room.assumeIsolated { $0.pump() }
        log.note(.roomOpened, ["room": .of(name)])
        return room
    }

    private func closed(_ room: ServedRoom) {
        guard rooms[room.name] === room else { return }
        rooms[room.name] = nil
        log.note(.roomClosed, ["room": .of(room.name)])
    }

    /// Tells all participants that the server ends, and ends.
    func stop() {
        isStopped = true
        for room in rooms.values { room.assumeIsolated { $0.close(.serverShutdown) } }
        rooms = [:]
        seats = [:]
        port.close()
    }
}
