# Computes the reference values of this folder again and prints the differences (the optimiser's tolerance is 1e-4).
# Rerun here: Rscript rerun.R > rerun.txt   (writes rerun.sessionInfo.txt)
suppressPackageStartupMessages(library(msm))
source("../compare.R")
# The committed standard errors (Q_se) of the two cases with 17 patients could not be made again: they differ by up to
# 0.014 at the same likelihood, whatever the optimiser. No test reads them.
f <- "msm_panel.json"
for (c in cases_of(f)) {
  i <- c$inputs; o <- c$outputs
  d <- if (is.null(i$csv)) as.data.frame(lapply(i$data, num)) else read.csv(i$csv)
  names(d)[names(d) %in% c("PTNUM", "ptnum")] <- "id"; names(d)[names(d) %in% c("years", "months", "week")] <- "time"
  allowed <- matrix(num(i$qmatrix_allowed), length(i$qmatrix_allowed), byrow = TRUE)
  death <- if (is.null(i$deathexact)) FALSE else num(i$deathexact)
  start <- crudeinits.msm(state ~ time, id, d, qmatrix = allowed)
  fit <- msm(state ~ time, id, d, qmatrix = start, deathexact = death, method = "BFGS", control = list(fnscale = num(o$minus2loglik), reltol = 1e-15, maxit = 10000))
  note(f, c, "minus2loglik", o$minus2loglik, fit$minus2loglik)
  q <- qmatrix.msm(fit)
  note(f, c, "Q", o$Q, t(q$estimates)); note(f, c, "Q_se", o$Q_se, t(q$SE))
  for (e in o$P) note(f, c, "P", e$P, t(unclass(pmatrix.msm(fit, t = num(e$t)))))
  note(f, c, "sojourn", o$sojourn, sojourn.msm(fit)$estimates)
  note(f, c, "statetable", o$statetable, t(unclass(statetable.msm(state, id, d))))
}
report(f)
writeLines(capture.output(sessionInfo()), "rerun.sessionInfo.txt")
