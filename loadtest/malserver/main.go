package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.SetFlags(0)
		log.Fatal("malserver: " + err.Error())
	}
}

func run(args []string) error {
	f := flag.NewFlagSet("malserver", flag.ContinueOnError)
	build := f.String("build", "", "build the patched daemon into this `file` from the module in the present folder, and end")
	daemon := f.String("daemon", "http://127.0.0.1:8081", "the `address` of the daemon")
	listen := f.String("listen", "127.0.0.1:8080", "the loopback `address` of the page")
	control := f.String("control", "127.0.0.1:8082", "the loopback `address` of /mode")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *build != "" {
		root, err := os.Getwd()
		if err != nil {
			return err
		}
		return BuildDaemon(root, *build)
	}
	at, err := url.Parse(*daemon)
	if err != nil {
		return err
	}
	for _, address := range []string{*listen, *control} {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
			return fmt.Errorf("%s is not a loopback address", address)
		}
	}
	proxy := NewProxy(at)
	done := make(chan error, 2) // one of each server
	go func() { done <- http.ListenAndServe(*listen, proxy) }()
	go func() { done <- http.ListenAndServe(*control, http.HandlerFunc(proxy.Control)) }()
	return <-done
}
