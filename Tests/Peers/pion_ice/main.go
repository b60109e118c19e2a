// SPDX-License-Identifier: Apache-2.0

// Pion's agent as one end of an ICE connection: the words of aioice_peer.py, and "restart", after
// which it prints new credentials and candidates and reads those of the other end. With "lite" it
// is a lite agent. It tells every state.
//
// usage: pion_ice controlling|controlled|lite
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/pion/ice/v2"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Tells credentials and candidates once all are gathered.
func describe(agent *ice.Agent) {
	done := make(chan bool)
	check(agent.OnCandidate(func(candidate ice.Candidate) {
		if candidate == nil {
			done <- true
		}
	}))
	check(agent.GatherCandidates())
	<-done
	ufrag, password, err := agent.GetLocalUserCredentials()
	check(err)
	fmt.Println("credentials", ufrag, password)
	candidates, err := agent.GetLocalCandidates()
	check(err)
	for _, candidate := range candidates {
		fmt.Println("candidate", candidate.Marshal())
	}
	fmt.Println("ready")
}

func echo(connection *ice.Conn) {
	buffer := make([]byte, 2048)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return
		}
		_, _ = connection.Write(buffer[:count])
	}
}

func connect(agent *ice.Agent, role string, ufrag string, password string) {
	start := agent.Accept
	if role == "controlling" {
		start = agent.Dial
	}
	connection, err := start(context.Background(), ufrag, password)
	check(err)
	fmt.Println("connected")
	echo(connection)
}

func main() {
	role := os.Args[1]
	agent, err := ice.NewAgent(&ice.AgentConfig{
		NetworkTypes:    []ice.NetworkType{ice.NetworkTypeUDP4},
		CandidateTypes:  []ice.CandidateType{ice.CandidateTypeHost},
		IncludeLoopback: true,
		IPFilter:        func(address net.IP) bool { return address.IsLoopback() },
		Lite:            role == "lite",
	})
	check(err)
	check(agent.OnConnectionStateChange(func(state ice.ConnectionState) {
		fmt.Println("state", strings.ToLower(state.String()))
	}))
	describe(agent)
	var words []string
	isStarted := false
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		line := strings.Fields(input.Text())
		switch line[0] {
		case "credentials":
			words = line[1:]
		case "candidate":
			text := strings.TrimPrefix(strings.Join(line[1:], " "), "candidate:")
			candidate, err := ice.UnmarshalCandidate(text)
			check(err)
			check(agent.AddRemoteCandidate(candidate))
		case "restart":
			check(agent.Restart("", ""))
			describe(agent)
		case "ready":
			if isStarted {
				check(agent.SetRemoteCredentials(words[0], words[1]))
			} else {
				go connect(agent, role, words[0], words[1])
			}
			isStarted = true
		}
	}
	check(agent.Close())
}
