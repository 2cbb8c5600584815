//! The map of the image: a squarified treemap (Bruls, Huizing, van Wijk 2000) whose areas are bytes, and the table of the same
//! places with the reasons, which is what a screen reader reads and what the links of the map lead to.

use std::io;

use super::super::junit::Xml;
use super::{cut, end_table, filter, name, number, size, table};
use crate::explain::Explainer;
use crate::inventory::parts::{Owner, Part, Place, add};
use crate::inventory::sizes::Amount;
use crate::pipeline::Examined;
use crate::report::explain;
use crate::rules::minimal::Shown;

/// Parts that are drawn and listed apart.
const PARTS: usize = 80;

/// Places that are drawn and listed apart, over all parts.
const PLACES: usize = 420;

/// Smallest cell that is drawn apart, in square units of the drawing.
const SMALLEST: f64 = 30.0;

/// The drawing.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 620.0;

/// Height of the line with a part's name.
const LINE: f64 = 14.0;

/// Estimated width of a character.
const CHARACTER: f64 = 6.3;

#[derive(Debug, Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// One part as it is shown.
struct Shape<'a> {
    /// `None` for all small parts together.
    part: Option<&'a Part>,
    name: String,
    stays: Amount,
    goes: Amount,
    places: Vec<&'a Place>,
    rest: [Amount; 2],
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
    writeln!(out, "<section><h2 id=\"map\">Map</h2>")?;
    if stays.bytes + goes.bytes == 0 {
        return writeln!(out, "<p>The image holds no file with content.</p></section>");
    }
    writeln!(
        out,
        "<p>Each box is a package, or a directory for files that no package owns; the boxes in it are directories. The areas \
         are bytes. Click a box, or select its name with the keyboard, to read why it stays or goes; the table below the map \
         says the same.</p>\n<p class=\"key\"><span><svg viewBox=\"0 0 16 10\" aria-hidden=\"true\"><rect class=\"s\" width=\"16\" \
         height=\"10\"/></svg> stays: {} in {} files</span> <span><svg viewBox=\"0 0 16 10\" aria-hidden=\"true\">{PATTERN}<rect \
         class=\"g\" width=\"16\" height=\"10\"/></svg> goes: {} in {} files</span> <label hidden><input type=\"checkbox\" id=\"only\"> show \
         only what stays</label></p>",
        size(stays.bytes),
        number(stays.files),
        size(goes.bytes),
        number(goes.files),
    )?;
    writeln!(
        out,
        "<svg class=\"map\" id=\"drawing\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"group\" aria-label=\"Map of the image\">"
    )?;
    let weights: Vec<f64> = shapes.iter().map(|shape| bytes(shape.stays) + bytes(shape.goes)).collect();
    let areas = squarify(&weights, Area { x: 0.0, y: 0.0, width: WIDTH, height: HEIGHT });
    for (at, (shape, area)) in shapes.iter().zip(areas).enumerate() {
        draw(out, examined, at, shape, area)?;
    }
    writeln!(
        out,
        "</svg>\n<div class=\"detail\" role=\"status\" tabindex=\"0\" aria-label=\"Reasons for the selected box\" hidden>Select a box \
         of the map.</div>"
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
        let (mut places, mut rest) = (Vec::new(), part.rest);
        for place in &part.places {
            if places.is_empty() || (bytes(place.amount) >= least && place.amount.bytes > last) {
                places.push(place);
            } else {
                let [stays, goes] = &mut rest;
                add(if place.goes { goes } else { stays }, place.amount);
            }
        }
        shapes.push(Shape { part: Some(part), name: name(&title), stays: part.stays, goes: part.goes, places, rest });
    }
    let others = parts.get(PARTS..).unwrap_or_default();
    if !others.is_empty() {
        let rest @ [stays, goes] = total(others);
        let name = format!("{} smaller packages and directories", number(others.len()));
        shapes.push(Shape { part: None, name, stays, goes, places: Vec::new(), rest });
    }
    shapes
}

fn draw(out: &mut impl io::Write, examined: &Examined, at: usize, shape: &Shape<'_>, area: Area) -> io::Result<()> {
    let tree = &examined.facts.tree;
    let Area { x, y, width, height } = area;
    let said = format!("{}: {} stay, {} go", shape.name, size(shape.stays.bytes), size(shape.goes.bytes));
    let line = if height > 2.4 * LINE && width > 40.0 { LINE } else { 0.0 };
    let said = Xml(&said);
    write!(out, "<a href=\"#p{at}\" aria-label=\"{said}\"><title>{said}</title>")?;
    write!(out, "<rect class=\"t\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>")?;
    if line > 0.0 {
        let (room, count) = (room(width), shape.name.chars().count());
        let label: String = if count > room {
            shape.name.chars().take(room.saturating_sub(1)).chain(['…']).collect()
        } else {
            shape.name.clone()
        };
        write!(out, "<text aria-hidden=\"true\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", x + 3.0, y + 11.0, Xml(&label))?;
    }
    writeln!(out, "</a>")?;
    let mut cells: Vec<(Amount, bool, Option<usize>)> = Vec::new();
    cells.extend(shape.places.iter().enumerate().map(|(number, place)| (place.amount, place.goes, Some(number))));
    let [stays, goes] = shape.rest;
    cells.extend([(stays, false, None), (goes, true, None)]);
    cells.retain(|(amount, ..)| amount.bytes > 0);
    cells.sort_by_key(|(amount, goes, number)| (std::cmp::Reverse(amount.bytes), *goes, *number));
    let weights: Vec<f64> = cells.iter().map(|(amount, ..)| bytes(*amount)).collect();
    let margin = if width > 12.0 && height > 12.0 { 1.0 } else { 0.0 };
    let inside = Area {
        x: x + margin,
        y: y + line + margin,
        width: (width - 2.0 * margin).max(0.0),
        height: (height - line - 2.0 * margin).max(0.0),
    };
    for ((amount, goes, number), cell) in cells.into_iter().zip(squarify(&weights, inside)) {
        let class = if goes { "g" } else { "s" };
        let rect = format!(
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            cell.x, cell.y, cell.width, cell.height
        );
        let word = if goes { "go" } else { "stay" };
        let label =
            number.and_then(|number| shape.places.get(number)).filter(|_| cell.height > 24.0 && cell.width > 56.0);
        let label = label.map_or_else(String::new, |place| {
            // The end of a path tells more than its start.
            let (path, room) = (name(&tree.path(place.directory)), room(cell.width));
            let count = path.chars().count();
            let left: String = path.chars().skip(count.saturating_sub(room.saturating_sub(1))).collect();
            let label = if count > room { format!("…{left}") } else { path };
            let (x, y) = (cell.x + 4.0, cell.y + 14.0);
            format!("<text class=\"l\" aria-hidden=\"true\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", Xml(&label))
        });
        let place = number.and_then(|number| Some((number, shape.places.get(number)?)));
        match place {
            Some((number, place)) => {
                let directory = name(&tree.path(place.directory));
                writeln!(
                    out,
                    "<a href=\"#c{at}-{number}\" tabindex=\"-1\" aria-label=\"{0}: {1} {word}\"><title>{0}: {1} {word}</title>{rect}{label}</a>",
                    Xml(&directory),
                    size(amount.bytes),
                )?;
            }
            None => writeln!(
                out,
                "<a href=\"#p{at}\" tabindex=\"-1\" aria-label=\"small places: {0} {word}\"><title>small places: {0} {word}</title>{rect}</a>",
                size(amount.bytes)
            )?,
        }
    }
    Ok(())
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
    let columns = ["Directory", "State", "#Files", "#Size", "Largest files and their reasons"];
    table(out, "places", "Packages and directories, the largest first, with their largest files", &columns)?;
    for (at, shape) in shapes.iter().enumerate() {
        writeln!(
            out,
            "<tbody><tr class=\"head\" id=\"p{at}\"><th class=\"group\" colspan=\"5\" scope=\"rowgroup\"><b>{}</b> <span class=\"soft\">{} \
             in {} files stay, {} in {} files go</span>{}</th></tr>",
            Xml(&shape.name),
            size(shape.stays.bytes),
            number(shape.stays.files),
            size(shape.goes.bytes),
            number(shape.goes.files),
            why(examined, shape),
        )?;
        for (number_of, place) in shape.places.iter().enumerate() {
            let word = if place.goes { "goes" } else { "stays" };
            write!(
                out,
                "<tr id=\"c{at}-{number_of}\" data-f=\"{word}\"><td><code>{}</code></td><td class=\"{word}\">{word}</td><td \
                 class=\"n\">{}</td><td class=\"n\">{}</td><td><ul>",
                Xml(&name(&tree.path(place.directory))),
                number(place.amount.files),
                size(place.amount.bytes),
            )?;
            // The largest tell most; where it is nearly all, the others tell nothing.
            for &file in place.files.iter().take(if place.amount.files > 3 { 2 } else { 3 }) {
                let text = explain::text(&[explainer.of(file)], crate::console::Volume::Normal);
                let lines: Vec<String> = text.lines().map(|line| Xml(&cut(line.trim())).to_string()).collect();
                write!(out, "<li>{}</li>", lines.join("<br>"))?;
            }
            writeln!(out, "</ul></td></tr>")?;
        }
        for (amount, word) in shape.rest.iter().zip(["stays", "goes"]) {
            if amount.files > 0 {
                writeln!(
                    out,
                    "<tr class=\"off\" data-f=\"{word}\"><td>smaller places together</td><td>{word}</td><td class=\"n\">{}</td><td \
                     class=\"n\">{}</td><td></td></tr>",
                    number(amount.files),
                    size(amount.bytes),
                )?;
            }
        }
        writeln!(out, "</tbody>")?;
    }
    end_table(out)
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
