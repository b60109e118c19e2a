// SPDX-License-Identifier: Apache-2.0

// Pion as one end of a connection: the words of aiortc_peer.py. It decodes no audio: "audio" tells
// the packets received, as frames, and whether any was longer than silence is, as rms 1 or 0.
//
// usage: pion_peer offer|answer
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/pion/ice/v2"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media"
)

var output sync.Mutex

func say(kind string, fields map[string]any) {
	output.Lock()
	defer output.Unlock()
	line := map[string]any{"say": kind}
	for key, value := range fields {
		line[key] = value
	}
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(channel *webrtc.DataChannel) {
	channel.OnOpen(func() { say("channel", map[string]any{"label": channel.Label()}) })
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		say("echo", map[string]any{"label": channel.Label(), "bytes": len(message.Data)})
		if message.IsString {
			check(channel.SendText(string(message.Data)))
		} else {
			check(channel.Send(message.Data))
		}
	})
}

func listen(peer *webrtc.PeerConnection, track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	mid := ""
	for _, transceiver := range peer.GetTransceivers() {
		if transceiver.Receiver() == receiver {
			mid = transceiver.Mid()
		}
	}
	frames, rms := 0, 0
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		frames++
		if len(packet.Payload) > 3 {
			rms = 1
		}
		if frames%25 == 0 {
			say("audio", map[string]any{"mid": mid, "frames": frames, "rms": rms})
		}
	}
}

func makePeer() *webrtc.PeerConnection {
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(func(address net.IP) bool { return address.IsLoopback() })
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	engine := &webrtc.MediaEngine{}
	check(engine.RegisterDefaultCodecs())
	reports := &interceptor.Registry{}
	check(webrtc.RegisterDefaultInterceptors(engine, reports))
	api := webrtc.NewAPI(
		webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings),
		webrtc.WithInterceptorRegistry(reports))
	peer, err := api.NewPeerConnection(webrtc.Configuration{})
	check(err)
	track, err := webrtc.NewTrackLocalStaticSample(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", "pion")
	check(err)
	_, err = peer.AddTrack(track)
	check(err)
	go func() {
		// Not silence by its length; nobody decodes it.
		frame := append([]byte{0xF8}, make([]byte, 60)...)
		for range time.Tick(20 * time.Millisecond) {
			_ = track.WriteSample(media.Sample{Data: frame, Duration: 20 * time.Millisecond})
		}
	}()
	peer.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		listen(peer, track, receiver)
	})
	peer.OnDataChannel(serve)
	peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		say("state", map[string]any{"state": state.String()})
	})
	return peer
}

func describe(peer *webrtc.PeerConnection, description webrtc.SessionDescription) {
	gathered := webrtc.GatheringCompletePromise(peer)
	check(peer.SetLocalDescription(description))
	<-gathered
	say(description.Type.String(), map[string]any{"sdp": peer.LocalDescription().SDP})
}

func offer(peer *webrtc.PeerConnection, restarting bool) {
	description, err := peer.CreateOffer(&webrtc.OfferOptions{ICERestart: restarting})
	check(err)
	describe(peer, description)
}

func main() {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	peer := makePeer()
	kind := webrtc.SDPTypeOffer
	if os.Args[1] == "offer" {
		kind = webrtc.SDPTypeAnswer
		channel, err := peer.CreateDataChannel("theirs", nil)
		check(err)
		serve(channel)
		offer(peer, false)
	}
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			check(peer.Close())
			return
		}
		message := struct {
			Sdp     string
			Restart bool
		}{}
		check(json.Unmarshal(line, &message))
		if message.Restart {
			offer(peer, true)
			continue
		}
		check(peer.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: message.Sdp}))
		if kind == webrtc.SDPTypeOffer {
			answer, err := peer.CreateAnswer(nil)
			check(err)
			describe(peer, answer)
		}
	}
}
