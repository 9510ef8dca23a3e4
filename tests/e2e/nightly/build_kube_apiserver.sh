#!/usr/bin/env bash
# Builds the kube-apiserver and the etcd that test_kube_apiserver.py compares with, from their Go modules, into DIRECTORY
# (named by the version, outside the tree: it is kept from run to run). What is there is not built again. Needs the Go
# that go.mod names, about ten minutes of processor time and 6 GB of disk for Go's caches.
set -euo pipefail
directory=$1
kubernetes=1.37.2
etcd=3.7.0

[ -x "$directory/kube-apiserver" ] && [ -x "$directory/etcd" ] && exit 0
work=$directory/build
mkdir -p "$work"
cd "$work"
export CGO_ENABLED=0 GOFLAGS=-mod=mod

# Kubernetes' own modules are replaced in its go.mod by directories of its repository; outside it, by their releases.
staging="api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap
code-generator component-base component-helpers controller-manager cri-api cri-client cri-streaming
csi-translation-lib dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator
kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission
sample-apiserver sample-cli-plugin sample-controller streaming"
{
  echo "module millrace.test/kube"
  echo "go 1.26.0"
  echo "godebug default=go1.26"
  echo "require k8s.io/kubernetes v$kubernetes"
  echo "replace ("
  for name in $staging; do echo "  k8s.io/$name => k8s.io/$name v0.${kubernetes#*.}"; done
  echo ")"
  echo "tool k8s.io/kubernetes/cmd/kube-apiserver"
} >go.mod
rm -f go.sum
go mod tidy
go get -tool "go.etcd.io/etcd/server/v3@v$etcd"

version=k8s.io/component-base/version
flags="-s -w -X $version.gitVersion=v$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=$(cut -d. -f2 <<<"$kubernetes")"
build() {  # NAME PACKAGE
  [ -x "$directory/$1" ] && return 0
  nice -n 10 go build -ldflags "$flags" -o "$directory/$1.new" "$2"
  mv "$directory/$1.new" "$directory/$1"
}
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
build etcd go.etcd.io/etcd/server/v3
rm -rf "$work"
