//! The map of the image: a squarified treemap (Bruls, Huizing, van Wijk 2000) whose areas are bytes, and the table of
//! the same places with the reasons, for screen readers and as the target of the map's links.

use std::io;

use super::super::junit::Xml;
use super::{counted, cut, end_table, filter, name, paper, section, size, table};
use crate::console::Volume;
use crate::diag::escape::escaped;
use crate::explain::Explainer;
use crate::inventory::parts::{Owner, Part, Place, Rest, add};
use crate::inventory::sizes::Amount;
use crate::pipeline::Examined;
use crate::report::explain;
use crate::rules::minimal::Shown;
use crate::tree::{Id, Tree};

/// Parts that are drawn and listed apart.
const PARTS: usize = 80;

/// Places that are drawn and listed apart, over all parts.
const PLACES: usize = 420;

/// Smallest cell that is drawn apart, in square units of the drawing.
const SMALLEST: f64 = 30.0;

/// The drawing; its viewBox says the same. It is as wide as what a panel at its side leaves of a common screen, so that its
/// labels have their size there.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 640.0;

/// Height of the line with a part's name.
const LINE: f64 = 14.0;

/// Fewest characters of a path that tell anything.
const SHORTEST: usize = 13;

/// Estimated width of a character.
const CHARACTER: f64 = 6.3;

#[derive(Debug, Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Area {
    fn attributes(self) -> String {
        let [x, y, width, height] = [self.x, self.y, self.width, self.height].map(tenths);
        format!(" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
    }
}

/// A length of the drawing with one decimal; the standard library's way for any number would be 20 KB of program.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand, and none below zero")]
fn tenths(length: f64) -> String {
    let tenths = (length * 10.0).round() as u32;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// One part as it is shown.
struct Shape<'a> {
    /// `None` for all small parts together.
    part: Option<&'a Part>,
    name: String,
    stays: Amount,
    goes: Amount,
    places: Vec<&'a Place>,
    rest: [Rest; 2],
}

/// Draw the map and write the table below it.
pub(super) fn write(
    out: &mut impl io::Write,
    examined: &Examined,
    parts: &[Part],
    explainer: &Explainer<'_>,
) -> io::Result<()> {
    let shapes = shapes(examined, parts);
    let [stays, goes] = total(parts);
    section(out, "map", "Map")?;
    if stays.bytes + goes.bytes == 0 {
        return writeln!(out, "<p>The image holds no file with content.</p></section>");
    }
    writeln!(
        out,
        "<p>Each box is a package, or a directory for files that no package owns; the boxes in it are directories. The areas \
         are bytes. Select a box to read why its files stay or go; the table below the map says the same. <code>harden explain \
         PATH</code> tells the reason for each file.</p>\n<p class=\"key\"><span><svg viewBox=\"0 0 16 10\" aria-hidden=\"true\"><rect class=\"s\" width=\"16\" \
         height=\"10\"/></svg> stays: {} in {}</span> <span><svg viewBox=\"0 0 16 10\" aria-hidden=\"true\">{PATTERN}<rect \
         class=\"g\" width=\"16\" height=\"10\"/></svg> goes: {} in {}</span> <label hidden><input type=\"checkbox\" id=\"only\"> show \
         only what stays</label></p>",
        size(stays.bytes),
        counted(stays.files, "file"),
        size(goes.bytes),
        counted(goes.files, "file"),
    )?;
    writeln!(
        out,
        "<div class=\"sides\"><div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Map of the image\"><svg class=\"map\" \
         id=\"drawing\" viewBox=\"0 0 900 640\" role=\"group\" aria-label=\"Packages and directories\">"
    )?;
    let weights: Vec<f64> = shapes.iter().map(|shape| bytes(shape.stays) + bytes(shape.goes)).collect();
    let areas = squarify(&weights, Area { x: 0.0, y: 0.0, width: WIDTH, height: HEIGHT });
    for (at, (shape, area)) in shapes.iter().zip(areas).enumerate() {
        draw(out, examined, at, shape, area)?;
    }
    writeln!(
        out,
        "</svg></div>\n<div class=\"detail\" role=\"status\" tabindex=\"0\" aria-label=\"Reasons for the selected box\" hidden>Click a \
         box of the map. With the keyboard: Tab leads to each package, the arrow keys to the boxes in it, Enter selects one, Escape \
         leads back to the package.</div></div>"
    )?;
    list(out, examined, &shapes, explainer)?;
    writeln!(out, "</section>")
}

/// The stripes of what goes.
const PATTERN: &str = "<defs><pattern id=\"lines\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" \
    patternTransform=\"rotate(45)\"><path class=\"ground\" d=\"M0 0h7v7H0z\"/><path class=\"stripe\" d=\"M0 0v7\"/></pattern></defs>";

fn total(parts: &[Part]) -> [Amount; 2] {
    let mut sum = [Amount::default(); 2];
    for part in parts {
        let [stays, goes] = &mut sum;
        add(stays, part.stays);
        add(goes, part.goes);
    }
    sum
}

#[allow(clippy::cast_precision_loss, reason = "it is drawn")]
fn bytes(amount: Amount) -> f64 {
    amount.bytes as f64
}

/// What is drawn apart: large parts with their large places; everything else joins the rest.
fn shapes<'a>(examined: &Examined, parts: &'a [Part]) -> Vec<Shape<'a>> {
    let (tree, packages) = (&examined.facts.tree, &examined.facts.packages);
    let [stays, goes] = total(parts);
    let least = (bytes(stays) + bytes(goes)) / (WIDTH * HEIGHT) * SMALLEST;
    let mut sizes: Vec<u64> = parts.iter().take(PARTS).flat_map(|part| &part.places).map(|p| p.amount.bytes).collect();
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    let last = sizes.get(PLACES).copied().unwrap_or_default();
    let mut shapes = Vec::new();
    for part in parts.iter().take(PARTS) {
        let title = match part.owner {
            Owner::Package(index) => packages.get(index).map_or_else(Vec::new, |package| {
                format!("{} {}", package.name, package.version).trim().as_bytes().to_vec()
            }),
            Owner::Directory(id) => tree.path(id),
        };
        let (mut places, mut rest) = (Vec::new(), part.rest.clone());
        for place in &part.places {
            if places.is_empty() || (bytes(place.amount) >= least && place.amount.bytes > last) {
                places.push(place);
            } else {
                join(tree, &mut rest, place);
            }
        }
        shapes.push(Shape { part: Some(part), name: name(&title), stays: part.stays, goes: part.goes, places, rest });
    }
    let others = parts.get(PARTS..).unwrap_or_default();
    if !others.is_empty() {
        let [stays, goes] = total(others);
        let mut rest = [Rest::default(), Rest::default()];
        for part in others {
            part.places.iter().for_each(|place| join(tree, &mut rest, place));
            for (rest, more) in rest.iter_mut().zip(&part.rest) {
                rest.add(tree, more.amount, &more.files);
            }
        }
        let name = format!("{} smaller packages and directories", super::number(others.len()));
        shapes.push(Shape { part: None, name, stays, goes, places: Vec::new(), rest });
    }
    shapes
}

/// Add a place to what is shown together.
fn join(tree: &Tree, rest: &mut [Rest; 2], place: &Place) {
    let [stays, goes] = rest;
    if place.goes { goes } else { stays }.add(tree, place.amount, &place.files);
}

fn draw(out: &mut impl io::Write, examined: &Examined, at: usize, shape: &Shape<'_>, area: Area) -> io::Result<()> {
    let tree = &examined.facts.tree;
    let Area { x, y, width, height } = area;
    let said = format!("{}: {} stay, {} go", shape.name, size(shape.stays.bytes), size(shape.goes.bytes));
    let line = if height > 2.4 * LINE && width > 40.0 { LINE } else { 0.0 };
    let said = Xml(&said);
    write!(out, "<a href=\"#p{at}\" aria-label=\"{said}\"><title>{said}</title>")?;
    writeln!(out, "<rect class=\"t\"{}/></a>", area.attributes())?;
    // What is shown of a long name is not the name of the link.
    if line > 0.0 {
        let (room, count) = (room(width), shape.name.chars().count());
        let label: String = if count > room {
            shape.name.chars().take(room.saturating_sub(1)).chain(['…']).collect()
        } else {
            shape.name.clone()
        };
        let (x, y) = (tenths(x + 3.0), tenths(y + 11.0));
        writeln!(out, "<text aria-hidden=\"true\" x=\"{x}\" y=\"{y}\">{}</text>", Xml(&label))?;
    }
    // What each cell is called, and the row that it leads to.
    let mut cells: Vec<(Amount, bool, String, String)> = Vec::new();
    for (number, place) in shape.places.iter().enumerate() {
        cells.push((place.amount, place.goes, name(&tree.path(place.directory)), format!("c{at}-{number}")));
    }
    for (rest, goes) in shape.rest.iter().zip([false, true]) {
        cells.push((rest.amount, goes, "small directories".to_owned(), format!("r{at}-{}", word(goes))));
    }
    cells.retain(|(amount, ..)| amount.bytes > 0);
    cells.sort_by(|one, other| (other.0.bytes, &one.3).cmp(&(one.0.bytes, &other.3)));
    let weights: Vec<f64> = cells.iter().map(|(amount, ..)| bytes(*amount)).collect();
    let margin = if width > 12.0 && height > 12.0 { 1.0 } else { 0.0 };
    let inside = Area {
        x: x + margin,
        y: y + line + margin,
        width: (width - 2.0 * margin).max(0.0),
        height: (height - line - 2.0 * margin).max(0.0),
    };
    for ((amount, goes, place, row), cell) in cells.into_iter().zip(squarify(&weights, inside)) {
        let Area { x, y, width, height } = cell;
        let (class, said) = (if goes { "g" } else { "s" }, format!("{place}: {}, {}", size(amount.bytes), word(goes)));
        let said = Xml(&said);
        writeln!(
            out,
            "<a href=\"#{row}\" tabindex=\"-1\" aria-label=\"{said}\"><title>{said}</title><rect class=\"{class}\"{}/></a>",
            cell.attributes()
        )?;
        let (count, room) = (place.chars().count(), room(width));
        if height > 22.0 && (count <= room || room >= SHORTEST) {
            // The end of a path tells more than its start.
            let end: String = place.chars().skip(count.saturating_sub(room.saturating_sub(1))).collect();
            let label = if count > room { format!("…{end}") } else { place };
            let (x, y) = (tenths(x + 4.0), tenths(y + 14.0));
            writeln!(out, "<text class=\"l\" aria-hidden=\"true\" x=\"{x}\" y=\"{y}\">{}</text>", Xml(&label))?;
        }
    }
    Ok(())
}

const fn word(goes: bool) -> &'static str {
    if goes { "goes" } else { "stays" }
}

/// How many characters fit into a width.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
fn room(width: f64) -> usize {
    ((width - 8.0) / CHARACTER).max(0.0) as usize
}

/// The places in rows, with the words of `harden explain` for their largest files.
fn list(
    out: &mut impl io::Write,
    examined: &Examined,
    shapes: &[Shape<'_>],
    explainer: &Explainer<'_>,
) -> io::Result<()> {
    let tree = &examined.facts.tree;
    writeln!(out, "<h3>Places and reasons</h3>")?;
    filter(out, "places", &[("f", "State", vec!["stays", "goes"])])?;
    let rests = |shape: &Shape<'_>| shape.rest.iter().filter(|rest| rest.amount.files > 0).count();
    let rows = shapes.iter().map(|shape| shape.places.len() + rests(shape)).sum();
    paper(out, "of the 12 largest packages or directories, the two largest places", rows)?;
    let columns = ["Directory", "State", "#Size", "Largest files and their reasons"];
    table(out, "places", "Packages and directories, the largest first", &columns)?;
    for (at, shape) in shapes.iter().enumerate() {
        writeln!(
            out,
            "<tbody><tr class=\"head\" id=\"p{at}\"><th class=\"group\" colspan=\"4\" scope=\"rowgroup\"><b>{}</b> <span class=\"soft\">{} \
             in {} stay, {} in {} go</span>{}</th></tr>",
            Xml(&shape.name),
            size(shape.stays.bytes),
            counted(shape.stays.files, "file"),
            size(shape.goes.bytes),
            counted(shape.goes.files, "file"),
            why(examined, shape),
        )?;
        for (number, place) in shape.places.iter().enumerate() {
            let directory = format!("<code>{}</code>", Xml(&name(&tree.path(place.directory))));
            row(out, &format!("c{at}-{number}"), &directory, place.goes, place.amount)?;
            reasons(out, tree, explainer, &place.files, place.amount.files)?;
        }
        for (rest, goes) in shape.rest.iter().zip([false, true]) {
            if rest.amount.files > 0 {
                row(out, &format!("r{at}-{}", word(goes)), "small directories", goes, rest.amount)?;
                reasons(out, tree, explainer, &rest.files, rest.amount.files)?;
            }
        }
        writeln!(out, "</tbody>")?;
    }
    end_table(out)
}

/// The last cell of a row: files with the words of `harden explain`, and how many others there are.
fn reasons(
    out: &mut impl io::Write,
    tree: &Tree,
    explainer: &Explainer<'_>,
    files: &[Id],
    count: usize,
) -> io::Result<()> {
    // Files with one reason share it.
    let mut reasons: Vec<(Vec<String>, String)> = Vec::new();
    for &file in files {
        let path = tree.path(file);
        let (text, shown) = (explain::text(&[explainer.of(file)], Volume::Normal), escaped(&path));
        let tail = text.strip_prefix(&shown).unwrap_or(&text);
        let lines: Vec<String> = tail.lines().map(|line| Xml(&cut(line.trim())).to_string()).collect();
        let (tail, shown) = (lines.join("<br>"), format!("<code>{}</code>", Xml(&cut(&shown))));
        match reasons.last_mut().filter(|(_, last)| *last == tail) {
            Some((paths, _)) => paths.push(shown),
            None => reasons.push((vec![shown], tail)),
        }
    }
    write!(out, "<ul>")?;
    for (paths, tail) in reasons {
        // The words are about one file.
        let each = if paths.len() > 1 { "each of " } else { "" };
        write!(out, "<li>{each}{}{tail}</li>", paths.join(", "))?;
    }
    write!(out, "</ul>")?;
    if files.len() < count {
        write!(out, "<span class=\"soft\">{} of {} shown</span>", files.len(), counted(count, "file"))?;
    }
    writeln!(out, "</td></tr>")
}

/// A row up to its last cell.
fn row(out: &mut impl io::Write, id: &str, place: &str, goes: bool, amount: Amount) -> io::Result<()> {
    let (word, files, size) = (word(goes), counted(amount.files, "file"), size(amount.bytes));
    write!(
        out,
        "<tr id=\"{id}\" data-f=\"{word}\"><td>{place}</td><td class=\"w\"><span class=\"{word}\">{word}</span>: {files}</td><td \
         class=\"n\">{size}</td><td>"
    )
}

/// Why a package stays as a whole, where minimal mode says so.
fn why(examined: &Examined, shape: &Shape<'_>) -> String {
    let Some(Owner::Package(index)) = shape.part.map(|part| part.owner) else {
        return if shape.part.is_some() {
            " <span class=\"soft\">no package owns these files</span>".to_owned()
        } else {
            String::new()
        };
    };
    let Some(decision) = &examined.minimal else { return String::new() };
    let shown = Shown { tree: &examined.facts.tree, packages: &examined.facts.packages, closure: &examined.closure };
    let clauses = decision.why(&shown, index);
    if clauses.is_empty() { String::new() } else { format!("<br>stays: {}", Xml(&cut(&clauses.join(", ")))) }
}

/// An area for each weight, side by side, as near to squares as they get. The weights are sorted, the largest first.
fn squarify(weights: &[f64], area: Area) -> Vec<Area> {
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 || area.width <= 0.0 || area.height <= 0.0 {
        return weights.iter().map(|_| Area { width: 0.0, height: 0.0, ..area }).collect();
    }
    let scale = area.width * area.height / sum;
    let mut left = area;
    let mut areas = Vec::with_capacity(weights.len());
    let mut rest = weights;
    while !rest.is_empty() {
        let side = left.width.min(left.height);
        let (mut row, mut count, mut worst) = (0.0, 0, f64::INFINITY);
        for weight in rest {
            let next = row + weight * scale;
            let first = rest.first().copied().unwrap_or_default() * scale;
            let (large, small) = (first.max(weight * scale), weight * scale);
            let ratio = (side * side * large / (next * next)).max(next * next / (side * side * small.max(1e-9)));
            if count > 0 && ratio > worst {
                break;
            }
            (row, count, worst) = (next, count + 1, ratio);
        }
        let (taken, others) = rest.split_at(count);
        let thick = if side > 0.0 { row / side } else { 0.0 };
        let wide = left.width >= left.height;
        let mut along = 0.0;
        for weight in taken {
            let length = if thick > 0.0 { weight * scale / thick } else { 0.0 };
            areas.push(if wide {
                Area { x: left.x, y: left.y + along, width: thick, height: length }
            } else {
                Area { x: left.x + along, y: left.y, width: length, height: thick }
            });
            along += length;
        }
        if wide {
            left = Area { x: left.x + thick, width: (left.width - thick).max(0.0), ..left };
        } else {
            left = Area { y: left.y + thick, height: (left.height - thick).max(0.0), ..left };
        }
        rest = others;
    }
    areas
}

#[cfg(test)]
mod tests {
    use super::{Area, squarify};

    #[test]
    fn areas_are_as_large_as_their_weights_and_lie_side_by_side() {
        let weights: Vec<f64> = (1..60).rev().map(|at| f64::from(at * at)).collect();
        let whole = Area { x: 10.0, y: 20.0, width: 300.0, height: 100.0 };
        let areas = squarify(&weights, whole);
        let scale = 300.0 * 100.0 / weights.iter().sum::<f64>();
        let inside = |low: f64, high: f64, from: f64, to: f64| low >= from - 1e-6 && high <= to + 1e-6;
        for (at, (area, weight)) in areas.iter().zip(&weights).enumerate() {
            assert!((area.width * area.height - weight * scale).abs() < 1e-6, "{area:?}");
            assert!(
                inside(area.x, area.x + area.width, 10.0, 310.0) && inside(area.y, area.y + area.height, 20.0, 120.0)
            );
            for other in areas.iter().skip(at + 1) {
                let wide = (area.x + area.width).min(other.x + other.width) - area.x.max(other.x);
                let high = (area.y + area.height).min(other.y + other.height) - area.y.max(other.y);
                assert!(wide.min(high) < 1e-6, "{area:?} {other:?}");
            }
        }
        // Nothing is divided by nothing.
        for (weights, width) in [(&[][..], 1.0), (&[0.0, 0.0], 1.0), (&[1.0, 2.0], 0.0), (&[1.0, 1e-300], 1e-9)] {
            let areas = squarify(weights, Area { width, ..whole });
            assert_eq!(areas.len(), weights.len());
            assert!(areas.iter().all(|area| area.width.is_finite() && area.height.is_finite()));
        }
    }
}
