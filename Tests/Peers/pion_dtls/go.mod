module peers

go 1.19

require (
	github.com/pion/dtls/v2 v2.2.6
	github.com/pion/rtcp v1.2.10
	github.com/pion/rtp v1.7.13
	github.com/pion/srtp/v2 v2.0.12
)
