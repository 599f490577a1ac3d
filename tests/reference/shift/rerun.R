# Computes the reference values of this folder again, as far as R packages of Debian go, and prints the differences.
# Rerun here: Rscript rerun.R > rerun.txt   (writes rerun.sessionInfo.txt)
suppressPackageStartupMessages({library(MASS); library(ordinal); library(rms); library(Hmisc); library(coin); library(exactRankTests)
  library(lpSolve); library(mice); library(VGAM)})
source("../compare.R")
clm <- ordinal::clm; clmm <- ordinal::clmm
tightly <- ordinal::clm.control(gradTol = 1e-10, maxIter = 200)
arms <- function(i) {
  levels <- seq_along(i$treat) - 1  # in the order of the file, whatever they are called
  w <- c(num(i$treat), num(i$control)); x <- rep(1:0, each = length(levels))
  d <- data.frame(y = rep(levels, 2), x = x, w = w)[w > 0, ]
  d$y <- factor(d$y, ordered = TRUE); d
}

f <- "po_fits.json"
for (c in cases_of(f)) {
  d <- arms(c$inputs); o <- c$outputs
  if (isTRUE(num(o$profile_lr_exact$separated) != 0)) next  # separated: any value is arbitrary
  p <- try_it(polr(y ~ x, d, weights = w, Hess = TRUE, control = list(reltol = 1e-14, maxit = 1000)))
  if (!is.null(p)) note(f, c, "polr", list(o$polr$beta, o$polr$se, o$polr$logLik), c(p$coefficients, sqrt(vcov(p)["x", "x"]), -p$deviance / 2))
  k <- try_it(clm(y ~ x, data = d, weights = w, control = tightly))
  if (!is.null(k)) note(f, c, "clm", list(o$clm$beta, o$clm$se, o$clm$alpha, o$clm$logLik, o$clm$LR),
    c(k$beta, sqrt(vcov(k)["x", "x"]), k$alpha, logLik(k), 2 * (logLik(k) - logLik(clm(y ~ 1, data = d, weights = w, control = tightly)))))
  long <- d[rep(seq_len(nrow(d)), d$w), ]
  m <- try_it(orm(y ~ x, long, eps = 1e-10, tol = 1e-14))
  if (!is.null(m) && !is.null(o$orm$coef)) note(f, c, "orm", list(o$orm$coef, o$orm$LR, o$orm$Score), c(coef(m), m$stats["Model L.R."], m$stats["Score"]))
  if (!is.null(o$profile_lr_exact$lo)) {
    profile <- function(b) { d$b <- b * d$x; as.numeric(logLik(clm(y ~ 1 + offset(b), data = d, weights = w, control = tightly))) }
    best <- try_it(as.numeric(logLik(k))); half <- qchisq(0.95, 1) / 2
    at <- function(lo, hi) uniroot(function(b) profile(b) - best + half, c(lo, hi), tol = 1e-11)$root
    e <- num(o$profile_lr_exact$lo); if (is.finite(e)) note(f, c, "profile_lr_exact/lower", e, try_it(at(e - 1, k$beta)))
    e <- num(o$profile_lr_exact$hi); if (is.finite(e)) note(f, c, "profile_lr_exact/upper", e, try_it(at(k$beta, e + 1)))
  }
}

f <- "paired.json"
for (c in cases_of(f)) {
  a <- num(c$inputs$first); b <- num(c$inputs$second); o <- c$outputs
  better <- sum(b < a); worse <- sum(b > a)
  note(f, c, "counts", o$counts[c("n", "improved", "unchanged", "worsened")], c(length(a), better, sum(a == b), worse))
  for (zero in c("Pratt", "Wilcoxon")) for (how in c("exact", "asym")) {
    e <- o$coin_wilcoxsign[[paste0(tolower(zero), "_", how)]]
    made <- try_it(wilcoxsign_test(a ~ b, zero.method = zero, distribution = if (how == "exact") "exact" else "asymptotic"))
    if (!is.null(made)) note(f, c, paste0("coin_wilcoxsign/", tolower(zero), "_", how), list(e$Z, e$p), c(statistic(made), pvalue(made)))
  }
  if (!is.null(o$exactRankTests$p)) note(f, c, "exactRankTests", o$exactRankTests$p, try_it(wilcox.exact(a, b, paired = TRUE)$p.value))
  for (cc in c(TRUE, FALSE)) {
    e <- o[[paste0("stats_wilcox_asym_cc", cc)]]; made <- try_it(wilcox.test(a, b, paired = TRUE, exact = FALSE, correct = cc))
    note(f, c, paste0("stats_wilcox_asym_cc", cc), list(e$V, e$p), if (!is.null(made)) c(made$statistic, made$p.value))
  }
  if (!is.null(o$sign_test) && better + worse > 0) {
    e <- o$sign_test; two <- binom.test(better, better + worse)
    note(f, c, "sign_test", list(e$p, e$p_greater, e$ci), c(two$p.value, binom.test(better, better + worse, alternative = "greater")$p.value, two$conf.int))
  }
  e <- o$improved_prop; made <- binom.test(better, length(a))
  note(f, c, "improved_prop", list(e$est, e$clopper_pearson), c(made$estimate, made$conf.int))
  t7 <- table(factor(a, 0:6), factor(b, 0:6)); made <- try_it(mcnemar.test(t7))
  note(f, c, "bowker_stats", list(o$bowker_stats$X2, o$bowker_stats$p), if (!is.null(made)) c(made$statistic, made$p.value))
  for (e in o$mcnemar_cut) {
    t <- table(factor(a <= num(e$cut), c(TRUE, FALSE)), factor(b <= num(e$cut), c(TRUE, FALSE)))
    n <- t[1, 2] + t[2, 1]
    note(f, c, "mcnemar_cut", list(e$exact_p, e$chisq_p), c(if (n) binom.test(t[1, 2], n)$p.value else 1, mcnemar.test(t, correct = FALSE)$p.value))
  }
  if (!is.null(o$coin_mh_nominal)) {
    e <- o$coin_mh_nominal; made <- try_it(mh_test(as.table(table(factor(a, sort(unique(c(a, b)))), factor(b, sort(unique(c(a, b))))))))
    note(f, c, "coin_mh_nominal", list(e$X2, e$p), if (!is.null(made)) c(statistic(made), pvalue(made)))
  }
}

f <- "win_stats.json"
for (c in cases_of(f)) {
  i <- c$inputs; o <- c$outputs; levels <- if (is.null(i$levels)) seq_along(i$treat) - 1 else num(i$levels)
  y <- rep(rep(levels, 2), c(num(i$treat), num(i$control))); g <- rep(1:0, c(sum(num(i$treat)), sum(num(i$control))))
  s <- o$hce_biased$summary
  if (!is.null(s)) {
    diff <- outer(y[g == 1], y[g == 0], "-")
    note(f, c, "hce_biased/summary", list(s$WIN, s$LOSS, s$TIE), c(sum(diff < 0), sum(diff > 0), sum(diff == 0)))
  }
  keep <- num(i$treat) + num(i$control) > 0
  made <- try_it(chisq.test(rbind(num(i$treat), num(i$control))[, keep], correct = FALSE)); e <- o$pearson_chisq
  if (!is.null(e$X2)) note(f, c, "pearson_chisq", list(e$X2, e$p), if (!is.null(made)) c(made$statistic, made$p.value))
}

f <- "sample_size.json"
for (c in cases_of(f)) {
  i <- c$inputs; o <- c$outputs; kind <- sub("_.*", "", c$id)
  if (kind == "posamsize") {
    made <- posamsize(num(i$p), num(i$odds_ratio), num(i$fraction), num(i$alpha), num(i$power)); note(f, c, "n", o$n, made$n); note(f, c, "eff", o$eff, made$eff)
  } else if (kind == "popower") {
    made <- popower(num(i$p), num(i$odds_ratio), n1 = num(i$n1), n2 = num(i$n2), alpha = num(i$alpha))
    note(f, c, "power/popower", o$power, made$power); note(f, c, "eff", o$eff, made$eff); note(f, c, "approx_se", o$approx_se, made$approx.se)
  } else if (kind == "pomodm") {
    note(f, c, "p_new", o$p_new, pomodm(p = num(i$p), odds.ratio = num(i$odds_ratio)))
    made <- pomodm(num(i$x), num(i$p), num(i$odds_ratio)); note(f, c, "mean", o$mean, made["mean"]); note(f, c, "median", o$median, made["median"])
  }
}

f <- "mixed_po.json"
for (c in cases_of(f)) {
  i <- c$inputs; n <- length(i$baseline)
  d <- data.frame(id = factor(rep(seq_len(n), 3)), v = factor(rep(c("m0", "m3", "m6"), each = n)), y = c(num(i$baseline), num(i$month3), num(i$month6)))
  d <- d[!is.na(d$y), ]; d$y <- factor(d$y, ordered = TRUE)
  for (nodes in c(1, 7, 15)) {
    e <- c$outputs[[paste0("clmm_nAGQ", nodes)]]; fit <- try_it(clmm(y ~ v + (1 | id), d, nAGQ = nodes))
    if (!is.null(fit)) note(f, c, paste0("clmm_nAGQ", nodes), list(e$beta, e$theta, e$sd, e$logLik), c(fit$beta, fit$alpha, sqrt(unlist(VarCorr(fit))), fit$logLik))
  }
}

f <- "nnt_rubin.json"
for (c in cases_of(f)) {
  i <- c$inputs; o <- c$outputs
  if (!is.null(i$Q)) {
    made <- pool.scalar(num(i$Q), num(i$U), n = num(i$n), k = num(i$k))
    for (name in c("qbar", "ubar", "b", "t", "r", "df", "fmi")) note(f, c, name, o[[name]], made[[name]])
    next
  }
  t <- num(i$treat) / sum(num(i$treat)); p <- num(i$control) / sum(num(i$control)); k <- length(t)
  better <- outer(seq_len(k), seq_len(k), function(control, treated) as.numeric(treated < control))
  bound <- function(cost, side) lp.transport(cost, side, rep("=", k), p, rep("=", k), t, integers = NULL)$objval
  note(f, c, "min_frac_better", o$min_frac_better, bound(better, "min")); note(f, c, "max_frac_better", o$max_frac_better, bound(better, "max"))
  note(f, c, "min_frac_worse", o$min_frac_worse, bound(t(better) , "min"))
  note(f, c, "max_net", o$max_net, bound(better - base::t(better), "max")); note(f, c, "min_net", o$min_net, bound(better - base::t(better), "min"))
  note(f, c, "cumulative_risk_difference", o$cumulative_risk_difference, (cumsum(t) - cumsum(p))[-k])
  note(f, c, "mean_shift", o$mean_shift, sum((seq_len(k) - 1) * (t - p)))
}

f <- "markov.json"
for (c in cases_of(f)) {
  i <- c$inputs; o <- c$outputs
  if (is.null(o$prob_rows_times)) next
  bt <- num(i$bt); btx <- num(i$btx); bp <- num(i$bp); tx <- num(i$tx)
  g <- function(yprev, t, gap, X, parameter = 0, extra = NULL) {
    before <- as.numeric(as.character(yprev))
    lp <- if (i$mode == "linear") bt * (t - 1) + parameter * X + btx * X * (t - 1) + bp * before
          else bt * log(t) + parameter * X * gap + bp * (before - 3)
    matrix(lp, nrow = length(before), dimnames = list(as.character(yprev), ""))
  }
  made <- try_it(soprobMarkovOrd(as.character(unlist(o$states)), num(i$times), initial = i$init, absorb = i$absorb, intercepts = num(i$ints), g = g, X = tx, parameter = num(i$par)))
  note(f, c, "prob_rows_times", o$prob_rows_times, if (!is.null(made)) base::t(made))
}

f <- "adjusted_stratified.json"
for (c in cases_of(f)) {
  d <- as.data.frame(lapply(c$inputs[c("y", "x", "base", "age", "site")], num)); d$base_f <- factor(d$base); d$y <- factor(d$y, ordered = TRUE)
  for (model in list(c("unadj", "y ~ x"), c("base_linear", "y ~ x + base"), c("base_linear_age", "y ~ x + base + age"), c("base_factor", "y ~ x + base_f"))) {
    e <- c$outputs[[model[1]]]
    fit <- try_it(clm(as.formula(model[2]), data = d, control = tightly))
    if (is.null(fit) || is.null(e$clm$beta) || max(abs(num(e$clm$beta)), na.rm = TRUE) > 10) next
    note(f, c, paste0(model[1], "/clm"), list(e$clm$beta, e$clm$se, e$clm$logLik), c(fit$beta, sqrt(diag(vcov(fit)))[names(fit$beta)], logLik(fit)))
    fit <- try_it(polr(as.formula(model[2]), d, Hess = TRUE, control = list(reltol = 1e-14, maxit = 1000)))
    if (!is.null(fit)) note(f, c, paste0(model[1], "/polr"), list(e$polr$coef, e$polr$logLik), c(fit$coefficients, -fit$deviance / 2))
  }
}

report(sort(setdiff(list.files(pattern = "json$"), c("more.json", "published.json"))))
writeLines(capture.output(sessionInfo()), "rerun.sessionInfo.txt")
