#!/usr/bin/env bash
# Makes the rpm databases in tests/data/rpm again: four packages, built and recorded by rpm itself, in every format that
# rpm has had since RHEL 7. Runs on Debian 13 (12's rpm has no ndb) with rpm, db5.3-util and sqlite3 installed; the tests
# need only what lies in tests/data.
#   rpmdb.sqlite      written by rpm, then without its indexes, which nothing here reads (they are nine tenths of it)
#   Packages.db       ndb, written by rpm
#   Packages.little   Berkeley DB hash of the same headers: pages of 4096 bytes, little endian
#   Packages.big      pages of 8192 bytes, big endian
# and two of two packages and small pages in tests/corpus/rpm, which the fuzzer begins with.
# shellcheck disable=SC2016
. "$(dirname "$0")/lib.sh"

data=$REPO/tests/data/rpm
corpus=$REPO/tests/corpus/rpm
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$data" "$corpus"

cat >"$tmp/suite.spec" <<'SPEC'
Name: suite
Version: 2.5
Release: 1.el9
Summary: A program that stays in the tests
License: MIT
%description
%{summary}.
%package tools
Summary: Its commands
Requires: suite-libs >= 2, (extra if lone), config(suite-tools)
Requires(post): /usr/bin/installer
Provides: pager = 1
%description tools
%{summary}.
%package libs
Summary: Its library
%description libs
%{summary}.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/libexec/suite %{buildroot}/usr/lib64 %{buildroot}/etc
mkdir -p %{buildroot}/usr/share/doc/suite-tools
echo x | tee %{buildroot}/usr/bin/suite %{buildroot}/usr/libexec/suite/helper %{buildroot}/usr/lib64/libsuite.so.1 \
    %{buildroot}/etc/suite.conf %{buildroot}/usr/share/doc/suite-tools/README
%post tools
:
%files tools
/usr/bin/suite
%ghost /usr/bin/suite-alternative
%dir /usr/libexec/suite
/usr/libexec/suite/helper
%config(noreplace) /etc/suite.conf
%doc /usr/share/doc/suite-tools/README
%files libs
/usr/lib64/libsuite.so.1
%ghost /usr/bin/suite-never
SPEC

cat >"$tmp/lone.spec" <<'SPEC'
Name: lone
Epoch: 1
Version: 3
Release: 2
Summary: A program that goes in the tests
License: MIT
Requires: /usr/bin/suite
%description
%{summary}.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/libexec/lone %{buildroot}/etc %{buildroot}/usr/share/doc/lone
mkdir -p %{buildroot}/usr/share/lone
echo x | tee %{buildroot}/usr/bin/lone %{buildroot}/usr/libexec/lone/worker %{buildroot}/etc/lone.conf \
    %{buildroot}/usr/share/doc/lone/README
for n in $(seq 14); do echo "$n" >"%{buildroot}/usr/share/lone/a file of data that makes the header long $n"; done
%files
/usr/bin/lone
/usr/libexec/lone
%config /etc/lone.conf
%doc /usr/share/doc/lone
/usr/share/lone
SPEC

cat >"$tmp/microdnf.spec" <<'SPEC'
Name: microdnf
Version: 1
Release: 1
Summary: A package manager that owns the database too
License: MIT
%description
%{summary}.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/lib/micro
echo x | tee %{buildroot}/usr/bin/microdnf %{buildroot}/usr/lib/micro/code
%files
/usr/bin/microdnf
/usr/lib/micro
%ghost /usr/lib/sysimage/rpm/Packages.db
%ghost /usr/share/rpm/Packages
%ghost /var/lib/rpm/Packages
%ghost /var/lib/rpm/rpmdb.sqlite
SPEC

export SOURCE_DATE_EPOCH=1700000000
for spec in suite lone microdnf; do
    rpmbuild --quiet -bb --define "_topdir $tmp/build" --define '_build_id_links none' --define '_buildhost tests' \
        --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' \
        --define 'source_date_epoch_from_changelog 0' --target x86_64-linux "$tmp/$spec.spec" </dev/null 2>"$tmp/log" ||
        { cat "$tmp/log" >&2; die "rpmbuild failed"; }
done

for backend in sqlite ndb; do
    mkdir -p "$tmp/$backend"
    rpm=(rpm --root "$tmp/$backend" --dbpath /db --define "_db_backend $backend")
    "${rpm[@]}" --initdb
    # The documentation of suite-tools is recorded as left out, as in images.
    "${rpm[@]}" -i --justdb --nodeps --noscripts --nodocs --ignorearch --nosignature \
        "$tmp"/build/RPMS/x86_64/*.rpm
done

cp "$tmp/ndb/db/Packages.db" "$data/Packages.db"
database=$tmp/sqlite/db/rpmdb.sqlite
sqlite3 "$database" "SELECT 'DROP TABLE ' || quote(name) || ';' FROM sqlite_master
    WHERE type = 'table' AND name NOT IN ('Packages', 'sqlite_sequence');" >"$tmp/drop"
sqlite3 "$database" <"$tmp/drop"
sqlite3 "$database" 'VACUUM; PRAGMA wal_checkpoint(TRUNCATE);' >/dev/null
cp "$database" "$data/rpmdb.sqlite"

# Record 0 holds the highest number given out; the numbers are in the machine's byte order.
load() { # FILE PAGE-SIZE ORDER KEY-FORMAT [CONDITION]
    {
        printf 'VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=%s\ndb_lorder=%s\nHEADER=END\n' "$2" "$3"
        printf ' 00000000\n'
        sqlite3 "$database" "SELECT printf(' $4', max(hnum)) FROM Packages;"
        sqlite3 "$database" "SELECT printf(' $4', hnum) || char(10) || ' ' || lower(hex(blob)) FROM Packages ${5:-};"
        printf 'DATA=END\n'
    } | db5.3_load "$tmp/loaded"
    mv "$tmp/loaded" "$1"
}
load "$data/Packages.little" 4096 1234 '%02x000000'
load "$data/Packages.big" 8192 4321 '000000%02x'

load "$corpus/hash" 512 1234 '%02x000000' 'WHERE hnum < 3'
cp "$database" "$corpus/sqlite"
sqlite3 "$corpus/sqlite" 'PRAGMA journal_mode = DELETE; DELETE FROM Packages WHERE hnum > 2; PRAGMA page_size = 512; VACUUM;' >/dev/null
chmod 644 "$data"/* "$corpus"/*
say "rpm databases in $data and $corpus"
