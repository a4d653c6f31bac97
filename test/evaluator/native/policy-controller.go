package main

// Its go.mod decides about the versions of the engines.
import _ "github.com/sigstore/policy-controller/pkg/apis/policy"
