#!/usr/bin/env bash
# Fetches the judges of what `harden audit` writes and of what `harden apply` leaves: $CACHE/judges/NAME for
# each function below.
. "$(dirname "$0")/lib.sh"

judges=$CACHE/judges
# One function for each judge; it makes the directory that it is called in, and fails when it cannot.
wanted=(sarif junit openscap lynis)

# Microsoft's validator of SARIF, with GitHub's rules: a program of its own inside an npm package.
sarif() {
    npm install --no-audit --no-fund --ignore-scripts --prefix . @microsoft/sarif-multitool@5.7.0
    local program=node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool
    chmod u+x "$program"
    ln -s "$program" Sarif.Multitool
}

# The schema of Ant's JUnitReport, which comes with a crate; xmllint judges by it.
junit() {
    mkdir src
    touch src/lib.rs
    printf '[package]\nname = "judge"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\njunit-report = "=0.8.3"\n' >Cargo.toml
    cargo vendor --quiet vendor
    mv vendor/junit-report/tests/JUnit.xsd .
    rm -rf vendor src Cargo.toml Cargo.lock
}

# A package of Debian unstable, unpacked into the current directory: only there are the rules for today's releases. The
# mirror is the one that this machine installs from.
unstable() { # PACKAGE
    local mirror keys=/usr/share/keyrings/debian-archive-keyring.gpg lists=$judges/.lists options
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $3 == "main" && !/-security/ { print $1; exit }')
    [ -n "$mirror" ] || { echo "no mirror of Debian is among apt's sources" >&2; return 1; }
    mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
    printf 'deb [signed-by=%s] %s sid main\n' "$keys" "$mirror" >"$lists/sources.list"
    options=(-o "Dir::Etc::sourcelist=$lists/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$lists/lists"
        -o "Dir::Cache=$lists/cache" -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
        -o APT::Sandbox::User=root)
    [ -e "$lists/updated" ] || apt-get "${options[@]}" update
    touch "$lists/updated"
    apt-get "${options[@]}" download "$1"
    dpkg -x "$1"_*.deb .
    rm "$1"_*.deb
}

# OpenSCAP's rules for Debian. `forced` is what upstream's own test harness makes of them: the conditions that make most
# rules about files and accounts "not applicable" in an image are gone, and one profile selects just these rules.
openscap() {
    local release stock family='^(file|dir|directory|permissions|root|gid|groups?|no|accounts|sudoers|securetty)_'
    # Policies for passwords that nobody can have, and what only a running system shows.
    local beside='_pam_|faillock|polyinstantiated|imum_age_login|minlen_login|warn_age_login|max_concurrent|logon_fail'
    unstable ssg-debian
    for release in 12 13; do
        stock=debian$release.xml
        mv "usr/share/xml/scap/ssg/content/ssg-debian$release-ds.xml" "$stock"
        {
            echo '<xccdf-1.2:Profile id="xccdf_org.ssgproject.content_profile_family"><xccdf-1.2:title>family</xccdf-1.2:title>'
            grep -o '<xccdf-1.2:Rule [^>]*id="[^"]*"' "$stock" | sed 's/.*content_rule_//; s/"//' | sort -u |
                grep -E "$family|^disable_users_coredumps$|^ensure_shadow_group_empty$" | grep -Ev "$beside|^no_empty_passwords_unix$" |
                sed 's,.*,<xccdf-1.2:select idref="xccdf_org.ssgproject.content_rule_&" selected="true"/>,'
            echo '</xccdf-1.2:Profile>'
        } >profile
        sed -E '/<xccdf-1.2:platform idref="[^"]*"\/>/d' "$stock" |
            awk 'FNR == NR { profile = profile $0 "\n"; next }
                /<xccdf-1.2:Profile / && !done { printf "%s", profile; done = 1 } { print }' profile - >"forced$release.xml"
    done
    rm -rf usr profile
}

# Lynis, and the GNU programs that it asks with a loader of their own: the trees that it judges have neither.
lynis() {
    local program path
    unstable lynis
    mv usr/share/lynis lynis
    mv usr/sbin/lynis etc/lynis/default.prf lynis/
    mkdir -p box/bin box/lib
    for program in awk basename cat chmod chown cut date dirname env expr find getent grep egrep head hostname id ls \
        md5sum mkdir mktemp mv ps readlink rm sed sh sha256sum sleep sort stat tail touch tr tty uname uniq wc which \
        whoami xargs; do
        path=$(readlink -f "$(PATH=$PATH:/usr/sbin type -P "$program")")
        cp "$path" "box/bin/$program"
        { ldd "$path" 2>/dev/null || true; } | awk '$3 ~ /^\// { print $3 }' | xargs -r cp -Lut box/lib
    done
    # As long as the path that it takes the place of, which is in every program.
    cp -L /lib64/ld-linux-x86-64.so.2 box/ld-linux-x86-64.so2
    LC_ALL=C sed -i 's,/lib64/ld-linux-x86-64\.so\.2,/.judge/ld-linux-x86-64.so2,; 1s,^#! */bin/sh,#!/.judge/bin/sh,' box/bin/*
    mkdir lynis/plugins
    mv lynis box/
    rm -rf usr etc
}

for judge in "${wanted[@]}"; do
    [ ! -e "$judges/$judge" ] || continue
    say "fetching the judge $judge"
    rm -rf "$judges/.$judge"
    mkdir -p "$judges/.$judge"
    # Not as part of a condition, where the shell would go on after a command that failed.
    set +e
    (set -e; cd "$judges/.$judge"; "$judge") >"$WORK/judge-$judge.log" 2>&1 </dev/null
    status=$?
    set -e
    [ "$status" = 0 ] || { tail -n 5 "$WORK/judge-$judge.log" >&2; die "cannot fetch the judge $judge"; }
    mv "$judges/.$judge" "$judges/$judge"
done
rm -rf "$judges/.lists"
