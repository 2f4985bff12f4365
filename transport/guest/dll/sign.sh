#!/usr/bin/env bash
# Signs kdfast.dll for machines in test mode, with a key that is made for this once and thrown away:
#   sign.sh OUT-FOLDER IN-FOLDER     signs IN/x64/kdfast.dll and IN/x86/kdfast.dll into OUT, and verifies what it wrote
# OUT/kdfast-test.cer is the certificate that the machine must trust. Nothing is left in OUT unless all went well.
set -euo pipefail
out=${1:?usage: sign.sh OUT-FOLDER IN-FOLDER}
in=${2:?usage: sign.sh OUT-FOLDER IN-FOLDER}

fail() {
    echo "sign: $*" >&2
    exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quietly() { # command...: its output only if it fails
    "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$1 failed"; }
}

quietly openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days 3650 -subj "/CN=fastkd test signing" \
    -addext "keyUsage=critical,digitalSignature" -addext "extendedKeyUsage=codeSigning" \
    -keyout "$work/key.pem" -out "$work/certificate.pem"
quietly openssl x509 -in "$work/certificate.pem" -outform DER -out "$work/kdfast-test.cer"

verified() { # image
    osslsigncode verify -CAfile "$work/certificate.pem" -in "$1" >"$work/log" 2>&1
}

for arch in x64 x86; do
    plain=$in/$arch/kdfast.dll
    [ -r "$plain" ] || fail "$plain: cannot be read; run 'make dll'"
    mkdir -p "$work/$arch"
    signed=$work/$arch/kdfast.dll
    quietly osslsigncode sign -certs "$work/certificate.pem" -key "$work/key.pem" -h sha256 \
        -n "fastkd kernel debugger transport" -in "$plain" -out "$signed"
    verified "$signed" || { cat "$work/log" >&2; fail "$signed: the signature does not verify"; }

    # The same check must refuse an image that was changed: one bit of its code.
    changed=$work/changed.dll
    cp "$signed" "$changed"
    byte=$(od -An -tu1 -j 1100 -N 1 "$changed" | tr -d ' ')
    printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$changed" bs=1 seek=1100 conv=notrunc status=none
    ! verified "$changed" || fail "a changed image verifies as well: the check is worth nothing"
done

mkdir -p "$out"
cp -r "$work/x64" "$work/x86" "$work/kdfast-test.cer" "$out"
for arch in x64 x86; do
    echo "$out/$arch/kdfast.dll: signed and verified"
done
echo "$out/kdfast-test.cer: the certificate to trust; its key is gone"
