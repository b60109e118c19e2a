module peers

go 1.19

require github.com/pion/ice/v2 v2.3.1
