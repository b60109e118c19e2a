// SPDX-License-Identifier: Apache-2.0

// Pion's DTLS and SRTP as a peer: shakes hands over UDP, then sends back what it gets. A message
// of RTP or RTCP form is taken for a protected packet: it is opened with the peer's key, protected
// with ours and sent back, all within DTLS, so that nothing has to be told apart on the wire.
//
// usage: pion_dtls client|server <port of the other side> <SRTP profile number>
// Prints its own port and certificate fingerprint at once, then what the handshake gave.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pion/dtls/v2"
	"github.com/pion/dtls/v2/pkg/crypto/selfsign"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v2"
)

func fingerprint(certificate []byte) string {
	digest := sha256.Sum256(certificate)
	pairs := []string{}
	for _, b := range digest {
		pairs = append(pairs, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	return strings.Join(pairs, ":")
}

func check(err error) {
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

func main() {
	isClient := os.Args[1] == "client"
	port, err := strconv.Atoi(os.Args[2])
	check(err)
	profile, err := strconv.Atoi(os.Args[3])
	check(err)
	certificate, err := selfsign.GenerateSelfSigned()
	check(err)
	socket, err := net.DialUDP(
		"udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)},
		&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	check(err)
	fmt.Println(
		"ready", socket.LocalAddr().(*net.UDPAddr).Port, fingerprint(certificate.Certificate[0]))

	config := &dtls.Config{
		Certificates:           []tls.Certificate{certificate},
		SRTPProtectionProfiles: []dtls.SRTPProtectionProfile{dtls.SRTPProtectionProfile(profile)},
		ClientAuth:             dtls.RequireAnyClientCert,
		InsecureSkipVerify:     true,
		ExtendedMasterSecret:   dtls.RequireExtendedMasterSecret,
	}
	deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var connection *dtls.Conn
	if isClient {
		connection, err = dtls.ClientWithContext(deadline, socket, config)
	} else {
		connection, err = dtls.ServerWithContext(deadline, socket, config)
	}
	check(err)
	chosen, _ := connection.SelectedSRTPProtectionProfile()
	state := connection.ConnectionState()
	fmt.Println("connected", int(chosen), fingerprint(state.PeerCertificates[0]))
	check(echo(connection, isClient, srtp.ProtectionProfile(chosen)))
}

func echo(connection *dtls.Conn, isClient bool, profile srtp.ProtectionProfile) error {
	config := &srtp.Config{Profile: profile}
	state := connection.ConnectionState()
	if err := config.ExtractSessionKeysFromDTLS(&state, isClient); err != nil {
		return err
	}
	keys := config.Keys
	outgoing, err := srtp.CreateContext(keys.LocalMasterKey, keys.LocalMasterSalt, profile)
	if err != nil {
		return err
	}
	incoming, err := srtp.CreateContext(keys.RemoteMasterKey, keys.RemoteMasterSalt, profile)
	if err != nil {
		return err
	}
	buffer := make([]byte, 4096)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return nil // the peer's close_notify
		}
		answer := append([]byte{}, buffer[:count]...)
		switch {
		case count > 1 && answer[0]>>6 == 2 && answer[1] >= 192 && answer[1] <= 223:
			plain, err := incoming.DecryptRTCP(nil, answer, &rtcp.Header{})
			if err != nil {
				return err
			}
			if answer, err = outgoing.EncryptRTCP(nil, plain, nil); err != nil {
				return err
			}
		case count > 1 && answer[0]>>6 == 2:
			plain, err := incoming.DecryptRTP(nil, answer, &rtp.Header{})
			if err != nil {
				return err
			}
			if answer, err = outgoing.EncryptRTP(nil, plain, nil); err != nil {
				return err
			}
		}
		if _, err := connection.Write(answer); err != nil {
			return err
		}
	}
}
