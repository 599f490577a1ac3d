# Writes into pnstrial/verification/expected/from-r.json what R gives for each of its calls, and sessionInfo.txt beside
# this script. A case that names its `source` has its value from that file, as its package is not part of this run.
# Run: Rscript cases.R   (from this folder). All but three packages are Debian's (rpact: r-cran-rpact); adaptr 1.4.0,
# admiral 0.11.1 with admiraldev 0.4.0, and tern 0.8.0 with rtables 0.6.0 and formatters 0.4.0, which R 4.2 can still
# load, were installed from the tags of their repositories into the library that R_LIBS names.
suppressPackageStartupMessages({
  library(survival); library(MASS); library(ordinal); library(coin); library(rms); library(Hmisc); library(cmprsk)
  library(msm); library(jsonlite); library(vcd); library(rpact); library(adaptr); library(tern); library(dplyr)
  library(admiral)
})
path <- "../../../pnstrial/verification/expected/from-r.json"
all <- read_json(path)
given <- lapply(all$data, function(v) if (is.list(v[[1]])) do.call(rbind, lapply(v, unlist)) else unlist(v))
list2env(given, globalenv())
for (name in names(all$made$r)) assign(name, eval(parse(text = all$made$r[[name]])))
for (i in seq_along(all$cases)) {
  case <- all$cases[[i]]
  if (is.null(case$source)) {
    value <- tryCatch(as.numeric(unlist(eval(parse(text = case$r)))), error = function(e) stop(case$r, ": ", conditionMessage(e)))
    all$cases[[i]]$value <- if (length(value) == 1) value else I(value)
    version <- as.character(packageVersion(case$package))
    all$cases[[i]]$version <- paste(case$package, version)
  }
}
write_json(all, path, digits = I(15), auto_unbox = TRUE, pretty = TRUE)
writeLines(capture.output(sessionInfo()), "sessionInfo.txt")
