#!/usr/bin/env bash
# book.sh DIRECTORY: docs/ as a book, for mdBook. Pages of the top directory become pages of the book; links to other files of the
# repository lead to where it is published.
. "$(dirname "$0")/lib.sh"

command -v mdbook >/dev/null || die "mdbook is missing; run: cargo install mdbook --locked"
out=$(realpath -m "$1")
cd "$REPO"
repository=$(sed -n 's/^repository = "\(.*\)"$/\1/p' Cargo.toml)
rm -rf "$out"
mkdir -p "$out/src"
cp docs/*.md docs/*.json "$out/src/"
cp docs/book.toml "$out/"
pages=(README SECURITY CONTRIBUTING CHANGELOG)
for page in "${pages[@]}"; do
    # The first page is README.md, under the name that servers look for.
    name=${page/README/index}
    sed -E 's,\]\(docs/,](,g; s,\]\((src|tests|docker|fuzz|examples|deny\.toml|\.github)(/|\)),](../\1\2,g' "$page.md" >"$out/src/$name.md"
done
for page in "${pages[@]}"; do
    sed -i -E "s,\]\((\.\./)?$page\.md,](${page/README/index}.md,g" "$out"/src/*.md
done
sed -i -E "s,\]\(\.\./([^)]*)\),]($repository/blob/main/\1),g" "$out"/src/*.md
mdbook build "$out" -d "$out/html"
# mdBook says nothing of a link that leads nowhere.
bad=0
while IFS=: read -r page link; do
    [ -e "$out/html/${link%%#*}" ] || { echo "book: ${page##*/}: no page $link" >&2; bad=1; }
done < <(cd "$out/html" && grep -oE 'href="[^":#]+[^":]*"' -- *.html | sed 's/href="//; s/"$//' | sort -u)
[ "$bad" = 0 ] || die "links of the book lead nowhere"
say "book: $out/html/index.html ($(find "$out/html" -maxdepth 1 -name '*.html' | wc -l) pages)"
