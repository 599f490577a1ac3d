# How the reruns of the reference files compare: sourced by the rerun.R of each folder.
# note(file, case, quantity, expected, got) keeps the largest difference; report() prints one line per file and
# quantity, then what was not computed again, with the call that made it (as it stands in the case).
suppressPackageStartupMessages(library(jsonlite))
seen <- new.env()
num <- function(v) {
  if (is.null(v)) return(NA_real_)
  if (is.list(v)) return(as.numeric(unlist(lapply(v, num))))
  suppressWarnings(as.numeric(v))
}
cases_of <- function(file) fromJSON(file, simplifyVector = FALSE)$cases
# The value of an expression; where R stops or warns of no convergence, nothing.
try_it <- function(expr) suppressWarnings(suppressMessages(tryCatch(expr, error = function(e) NULL)))
note <- function(file, case, quantity, expected, got) {
  if (is.null(expected)) return(invisible())
  a <- num(expected); b <- suppressWarnings(as.numeric(unlist(got)))
  key <- paste(file, quantity, sep = "\t")
  if (is.null(seen[[key]])) seen[[key]] <- list(cases = 0, numbers = 0, largest = 0, relative = 0, worst = "", failed = character())
  row <- seen[[key]]
  if (length(a) != length(b)) { row$failed <- c(row$failed, case$id); seen[[key]] <- row; return(invisible()) }
  both <- is.finite(a) & is.finite(b)
  row$cases <- row$cases + 1; row$numbers <- row$numbers + sum(both)
  if (any(both)) {
    gap <- abs(a - b)[both]; share <- gap / pmax(1, abs(a[both]))
    row$relative <- max(row$relative, share)
    if (max(gap) > row$largest) { row$largest <- max(gap); row$worst <- case$id }
  }
  seen[[key]] <- row
  invisible()
}
first_word <- function(quantity) sub("[/ ].*", "", quantity)
report <- function(files) {
  cat(R.version.string, "\n\nLargest difference from the committed value (relative: divided by max(1, |value|)).\n\n")
  cat(sprintf("%-28s %-34s %5s %7s %9s %9s  %s\n", "file", "quantity", "cases", "numbers", "largest", "relative", "in case"))
  for (key in sort(ls(seen))) {
    part <- strsplit(key, "\t")[[1]]; row <- seen[[key]]
    cat(sprintf("%-28s %-34s %5d %7d %9.1e %9.1e  %s%s\n", part[1], part[2], row$cases, row$numbers, row$largest, row$relative, row$worst,
                if (length(row$failed)) paste0("  [no answer of this shape: ", paste(row$failed, collapse = ", "), "]") else ""))
  }
  cat("\nNot computed again (the package is not in Debian, the value is simulated, or follows from the above), with the call that made it:\n")
  for (file in files) {
    all <- cases_of(file)
    done <- unique(vapply(strsplit(grep(paste0("^", file, "\t"), ls(seen), value = TRUE), "\t"), function(p) first_word(p[2]), ""))
    left <- lapply(all, function(c) setdiff(names(c$outputs), c(done, "seconds", "warnings")))
    calls <- vapply(all, function(c) paste0(if (is.null(c$tool)) "" else paste0(c$tool, ": "), c$call), "")
    open <- lengths(left) > 0
    for (call in unique(calls[open])) {
      which <- open & calls == call
      cat(sprintf("\n%s, %d case%s, from %s: %s\n    %s\n", file, sum(which), if (sum(which) > 1) "s" else "",
                  all[[match(TRUE, which)]]$id, paste(unique(unlist(left[which])), collapse = ", "), call))
    }
  }
}
