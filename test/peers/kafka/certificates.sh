#!/usr/bin/env bash
# Makes certificates for a secure broker:  certificates.sh FOLDER
# ca.pem (trust this), server.pem (key and chain for 127.0.0.1, not for localhost), client.pem (key and chain), other-ca.pem
# (an authority that signed none of them). Valid for a day; once only.
source "$(dirname "$0")/../common.sh"
folder=$1
[[ ! -f $folder/client.pem ]] || exit 0
need openssl openssl
mkdir -p "$folder"; cd "$folder"
authority() { # NAME
  openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
issue() { # NAME EXTENSIONS
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile <(echo "$2") -out "$1.crt" 2>/dev/null
  cat "$1.key" "$1.crt" ca.pem >"$1.pem"
}
authority ca; authority other-ca
issue server 'subjectAltName=IP:127.0.0.1'
issue client 'extendedKeyUsage=clientAuth'
