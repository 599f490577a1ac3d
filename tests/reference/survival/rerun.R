# Computes the reference values of this folder again, as far as R packages of Debian go, and prints the differences.
# Rerun here: Rscript rerun.R > rerun.txt   (writes rerun.sessionInfo.txt)
suppressPackageStartupMessages({library(survival); library(cmprsk); library(coin); library(exactRankTests); library(etm); library(km.ci)})
source("../compare.R")
ref <- function(case) {
  d <- case$inputs
  if (!is.null(d$csv)) return(read.csv(d$csv))
  as.data.frame(lapply(d$data, function(v) { n <- num(v); if (all(is.na(n))) unlist(v) else n }))
}
surv_of <- function(d) if (is.null(d$entry)) with(d, Surv(time, status)) else with(d, Surv(entry, time, status))
weight_of <- function(d) if (is.null(d$wt)) rep(1, nrow(d)) else d$wt

f <- "km.json"
for (c in cases_of(f)) {
  d <- ref(c); o <- c$outputs; y <- surv_of(d); d$w <- weight_of(d)
  times <- num(o$times)
  for (type in c("plain", "log", "log-log", "arcsin", "logit")) {
    fit <- survfit(y ~ 1, d, weights = w, conf.type = type)
    s <- summary(fit, times = times, extend = TRUE)
    if (type == "plain") {
      note(f, c, "surv", o$surv, s$surv); note(f, c, "se", o$se, s$std.err); note(f, c, "n_risk", o$n_risk, s$n.risk)
      note(f, c, "cumhaz", o$cumhaz, s$cumhaz); note(f, c, "se_cumhaz", o$se_cumhaz, s$std.chaz)
      note(f, c, "n_event_cum", o$n_event_cum, cumsum(s$n.event))
    }
    note(f, c, paste0("ci/", type), c(o$ci[[type]]$lower, o$ci[[type]]$upper), c(s$lower, s$upper))
    q <- quantile(fit, c(.25, .5, .75)); e <- o$ci[[type]]$quantiles
    note(f, c, paste0("ci/", type, " quantiles"), c(e$est, e$lower, e$upper), c(q$quantile, q$lower, q$upper))
  }
  s <- summary(survfit(y ~ 1, d, weights = w, stype = 2, ctype = 2), times = times, extend = TRUE)
  note(f, c, "fleming_harrington", c(o$fleming_harrington$surv, o$fleming_harrington$cumhaz), c(s$surv, s$cumhaz))
  s <- summary(survfit(y ~ 1, d, weights = w, stype = 2, ctype = 1), times = times, extend = TRUE)
  note(f, c, "breslow_surv", o$breslow_surv, s$surv)
}

f <- "km_groups.json"
for (c in cases_of(f)) {
  d <- ref(c); o <- c$outputs
  fit <- survfit(Surv(time, status) ~ group, d, conf.type = "log-log")
  t <- summary(fit)$table; if (is.null(dim(t))) t <- t(t)
  note(f, c, "n", o$n, t[, "records"]); note(f, c, "events", o$events, t[, "events"]); note(f, c, "median", o$median, t[, "median"])
  note(f, c, "lower", o$lower, t[, "0.95LCL"]); note(f, c, "upper", o$upper, t[, "0.95UCL"])
  s <- summary(fit, times = num(o$t0), extend = TRUE)
  note(f, c, "surv", o$surv, s$surv); note(f, c, "se", o$se, s$std.err)
  note(f, c, "lower_t0", o$lower_t0, s$lower); note(f, c, "upper_t0", o$upper_t0, s$upper)
}

f <- "logrank.json"
for (c in cases_of(f)) {
  d <- ref(c); o <- c$outputs
  for (rho in c("0", "1", "0.5")) {
    e <- o[[paste0("survdiff_rho", rho)]]
    if (is.null(e)) next
    s <- try_it(survdiff(Surv(time, status) ~ group, d, rho = as.numeric(rho)))
    note(f, c, paste0("survdiff_rho", rho), list(e$obs, e$exp, e$var, e$chisq), c(s$obs, s$exp, t(s$var), s$chisq))
  }
  for (ties in c("breslow", "exact")) {
    name <- if (ties == "breslow") "cox_score_breslow" else "cox_score_exact_equals_logrank"
    if (is.null(o[[name]])) next
    y <- surv_of(d)
    note(f, c, name, o[[name]]$chisq, try_it(coxph(y ~ factor(group), d, ties = ties)$score))
  }
  for (type in c("logrank", "Gehan-Breslow", "Tarone-Ware", "Peto-Peto", "Prentice")) {
    e <- o[[paste0("coin_asym_", type)]]
    if (is.null(e)) next
    made <- try_it(logrank_test(Surv(time, status) ~ factor(group), d, type = type))
    note(f, c, paste0("coin_asym_", type), e$p, if (!is.null(made)) as.numeric(pvalue(made)))
  }
}

f <- "exact_logrank.json"
for (c in cases_of(f)) {
  d <- ref(c)
  for (side in c("two.sided", "less", "greater")) {
    made <- try_it(logrank_test(Surv(time, status) ~ factor(group), d, distribution = "exact", alternative = side))
    e <- c$outputs[[paste0("coin_exact_", side)]]
    note(f, c, paste0("coin_exact_", side), c(e$z, e$p), if (!is.null(made)) c(statistic(made), pvalue(made)))
  }
}

f <- "cox.json"
for (c in cases_of(f)) {
  d <- ref(c); o <- c$outputs; d$w <- weight_of(d)
  formula <- as.formula(o$formula)
  if ("group2" %in% unlist(o$efron$names)) d$group <- factor(d$group)  # more than two groups
  for (ties in c("efron", "breslow", "exact")) {
    e <- o[[ties]]
    if (is.null(e) || is.null(e$coef)) next
    fit <- try_it(if (ties == "exact") coxph(formula, d, ties = ties) else coxph(formula, d, ties = ties, weights = w))
    if (!is.null(c$warnings) || max(abs(c(0, num(e$coef))), na.rm = TRUE) > 10) next  # diverges: any value is arbitrary
    se <- sqrt(diag(as.matrix(fit$var)))
    note(f, c, ties, list(e$coef, e$se, e$loglik, e$score), c(coef(fit), se, fit$loglik, fit$score))
  }
  fit <- try_it(coxph(formula, d, weights = w))
  if (isTRUE(max(abs(c(0, num(o$efron$coef))), na.rm = TRUE) > 10)) next
  for (transform in names(o$zph)) {
    z <- try_it(cox.zph(fit, transform = transform)$table)
    e <- o$zph[[transform]]
    note(f, c, paste0("zph/", transform), list(e$chisq, e$p), if (!is.null(z)) c(z[, "chisq"], z[, "p"]))
  }
  if (!is.null(o$concordance)) {
    k <- concordance(fit)
    note(f, c, "concordance", c(o$concordance$c, o$concordance$se), c(k$concordance, sqrt(k$var)))
  }
  if (!is.null(o$robust_se))
    note(f, c, "robust_se", o$robust_se, try_it(sqrt(diag(as.matrix(coxph(formula, d, weights = w, robust = TRUE)$var)))))
  if (!is.null(o$cluster_id_se))
    note(f, c, "cluster_id_se", o$cluster_id_se, try_it(sqrt(diag(as.matrix(coxph(formula, d, weights = w, cluster = id)$var)))))
  e <- o$basehaz_efron_at_zero
  if (!is.null(e)) {
    b <- basehaz(fit, centered = FALSE)
    note(f, c, "basehaz_efron_at_zero", e$H, b$hazard[match(signif(num(e$time), 12), signif(b$time, 12))])
  }
}

f <- "competing_risks.json"
for (c in cases_of(f)) {
  d <- ref(c); o <- c$outputs
  times <- num(o$cuminc$times); rows <- unlist(o$cuminc$rows)
  fit <- timepoints(cuminc(d$time, d$cause, cencode = 0), times)
  note(f, c, "cuminc", c(o$cuminc$est, o$cuminc$var), c(t(fit$est[rows, , drop = FALSE]), t(fit$var[rows, , drop = FALSE])))
  for (rho in 0:1) {
    e <- o[[if (rho) "gray_rho1" else "gray"]]
    g <- cuminc(d$time, d$cause, d$group, rho = rho, cencode = 0)
    got <- g$Tests[unlist(o$gray$rows), , drop = FALSE]
    note(f, c, if (rho) "gray_rho1" else "gray", c(e$stat, e$p), c(got[, "stat"], got[, "pv"]))
    if (!rho) {
      e <- o$cuminc_by_group; by <- timepoints(g, times); rows <- unlist(e$rows)
      note(f, c, "cuminc_by_group", c(e$est, e$var), c(t(by$est[rows, , drop = FALSE]), t(by$var[rows, , drop = FALSE])))
    }
  }
  for (k in 1:2) {
    e <- o[[paste0("finegray_crr_cause", k)]]
    if (!is.null(e)) {
      x <- as.matrix(d[unlist(e$names)])
      fit <- try_it(crr(d$time, d$cause, x, failcode = k))
      note(f, c, paste0("finegray_crr_cause", k), list(e$coef, e$se, e$loglik), if (!is.null(fit)) c(fit$coef, sqrt(diag(fit$var)), fit$loglik))
    }
    e <- o[[paste0("causespecific_cox_", k)]]
    if (!is.null(e$coef)) {
      covariates <- intersect(c("group", "x1", "x2"), names(d))[seq_along(e$coef)]
      fit <- try_it(coxph(reformulate(covariates, quote(Surv(time, cause == k))), d))
      if (max(abs(c(0, num(e$coef))), na.rm = TRUE) < 10)
        note(f, c, paste0("causespecific_cox_", k), list(e$coef, e$se), if (!is.null(fit)) c(coef(fit), sqrt(diag(as.matrix(fit$var)))))
    }
  }
  s <- summary(survfit(Surv(time, status == 1) ~ 1, transform(d, status = cause)), times = times, extend = TRUE)
  note(f, c, "naive_1minusKM_cause1", o$naive_1minusKM_cause1, 1 - s$surv)
  for (type in c("log-log", "plain")) {
    y <- with(d, Surv(time, factor(cause, 0:max(cause))))
    s <- summary(survfit(y ~ 1, conf.type = type), times = times, extend = TRUE); e <- o$survfit_AJ
    kind <- sub("-", "", type)
    note(f, c, paste0("survfit_AJ/", type, " estimate"), list(e$pstate, e$se), c(t(s$pstate), t(s$std.err)))
    note(f, c, paste0("survfit_AJ/", type, " limits"), list(e[[paste0("lower_", kind)]], e[[paste0("upper_", kind)]]), c(t(s$lower), t(s$upper)))
  }
}

f <- "rmst.json"
for (c in cases_of(f)) {
  d <- ref(c)
  fit <- survfit(Surv(time, status) ~ 1, d)
  for (e in c$outputs$one_sample) {
    if (is.null(e$survfit_print)) next
    t <- summary(fit, rmean = num(e$tau))$table
    note(f, c, "one_sample/survfit_print", c(e$survfit_print$rmean, e$survfit_print$se), t[c("rmean", "se(rmean)")])
  }
}

f <- "landmark_tdc.json"
for (c in cases_of(f)) {
  if (length(c$inputs$data) == 0) next
  d <- ref(c); o <- c$outputs; d$id <- seq_len(nrow(d)); d$t_imp <- suppressWarnings(as.numeric(d$t_imp))
  naive <- try_it(coxph(Surv(time, status) ~ I(!is.na(t_imp)), d))
  note(f, c, "naive_immortal_biased", c(o$naive_immortal_biased$coef, o$naive_immortal_biased$se), c(coef(naive), sqrt(naive$var)))
  long <- tmerge(d[c("id", "t_imp")], d, id = id, death = event(time, status), imp = tdc(t_imp))
  fit <- try_it(coxph(Surv(tstart, tstop, death) ~ imp, long)); e <- o$time_dependent
  note(f, c, "time_dependent", list(e$coef, e$se, e$loglik, e$score, e$rows), c(coef(fit), sqrt(fit$var), fit$loglik, fit$score, nrow(long)))
  for (at in c(12, 26)) {
    e <- o[[paste0("landmark_", at)]]
    if (is.null(e)) next
    l <- d[d$time > at, ]; l$imp <- !is.na(l$t_imp) & l$t_imp <= at
    fit <- try_it(coxph(Surv(time, status) ~ imp, l))
    if (!is.null(e$coef) && abs(num(e$coef)) < 10) note(f, c, paste0("landmark_", at), c(e$n, e$n_improved, e$coef, e$se), c(nrow(l), sum(l$imp), coef(fit), sqrt(fit$var)))
  }
}

f <- "interval_censored.json"
for (c in cases_of(f)) {
  d <- c$inputs$data; L <- num(d$L); R <- num(d$R); g <- num(d$group); o <- c$outputs
  y <- Surv(as.numeric(ifelse(L == 0, NA, L)), as.numeric(ifelse(is.finite(R), R, NA)), type = "interval2")
  fit <- try_it(survfit(y ~ 1))
  if (!is.null(fit)) note(f, c, "turnbull_survfit", c(o$turnbull_survfit$time, o$turnbull_survfit$surv), c(fit$time, fit$surv))
  for (dist in c("weibull", "exponential", "lognormal", "loglogistic")) {
    e <- o[[paste0("survreg_", dist)]]
    if (is.null(e$coef)) next
    fit <- try_it(survreg(y ~ g, dist = dist))
    note(f, c, paste0("survreg_", dist), list(e$coef, e$scale, e$loglik), if (!is.null(fit)) c(coef(fit), fit$scale, fit$loglik))
  }
}

f <- "km_smallsample_ci.json"
for (c in cases_of(f)) {
  d <- ref(c); fit <- survfit(Surv(time, status) ~ 1, d)
  for (method in c("rothman", "grunkemeier", "linear", "log", "loglog", "hall-wellner", "loghall", "epband", "logep")) {
    e <- c$outputs[[paste0("km.ci_", method)]]
    if (is.null(e$lower)) next
    made <- try_it(km.ci(fit, method = method))
    note(f, c, paste0("km.ci_", method), list(e$time, e$lower, e$upper), if (!is.null(made)) c(made$time, made$lower, made$upper))
  }
}

f <- "pseudo_aareg.json"
for (c in cases_of(f)) {
  d <- ref(c); o <- c$outputs; fit <- survfit(Surv(time, status) ~ 1, d)
  rows <- seq_along(o$pseudo_surv$values)
  made <- try_it(pseudo(fit, times = num(o$pseudo_surv$times), type = "surv"))
  note(f, c, "pseudo_surv", o$pseudo_surv$values, if (!is.null(made)) t(as.matrix(made)[rows, , drop = FALSE]))
  made <- try_it(pseudo(fit, times = num(o$pseudo_rmst$tau), type = "RMST"))
  note(f, c, "pseudo_rmst", o$pseudo_rmst$values, if (!is.null(made)) as.vector(made)[rows])
  rows <- setdiff(unlist(o$aareg$rows), "Intercept")
  made <- try_it(summary(aareg(reformulate(rows, quote(Surv(time, status))), d)))
  note(f, c, "aareg", list(o$aareg$table, o$aareg$chisq), if (!is.null(made)) c(t(made$table), made$chisq))
}

f <- "one_sample_logrank.json"
for (c in cases_of(f)) {
  r <- c$inputs$reference
  if (is.null(r)) next
  d <- ref(c); entry <- if (is.null(d$entry)) 0 else d$entry
  hazards <- list(
    exponential = function(t) num(r$exponential$rate) * t,
    weibull = function(t) (t / num(r$weibull$scale))^num(r$weibull$shape),
    lognormal = function(t) -plnorm(t, num(r$lognormal$meanlog), num(r$lognormal$sdlog), lower.tail = FALSE, log.p = TRUE),
    gompertz = function(t) num(r$gompertz$a) / num(r$gompertz$b) * expm1(num(r$gompertz$b) * t))
  for (name in intersect(names(hazards), names(c$outputs))) {
    e <- c$outputs[[name]]; H <- hazards[[name]]
    O <- sum(d$status); E <- sum(H(d$time) - H(entry)); z <- (O - E) / sqrt(E)
    exact <- poisson.test(O, E)
    note(f, c, name, list(e$O, e$E, e$smr, e$z_score, e$p_two_sided, e$exact_poisson$p_two_sided, e$exact_poisson$smr_lower, e$exact_poisson$smr_upper),
         c(O, E, O / E, z, 2 * pnorm(-abs(z)), exact$p.value, exact$conf.int))
  }
}

f <- "oc_exact.json"
for (c in cases_of(f)) {
  i <- c$inputs; on <- matrix(num(i$P_on), 7, byrow = TRUE); off <- matrix(num(i$P_off), 7, byrow = TRUE); drop <- num(i$drop)
  p0 <- num(i$P0); success <- 0
  step <- function(v, P) as.vector(v %*% P) * (1 - drop)
  for (s0 in which(p0 > 0)) {
    v <- replace(numeric(7), s0, p0[s0])
    for (m in 1:3) v <- step(v, on)
    stays <- v; stays[seq_len(7) > s0 | seq_len(7) == 7] <- 0
    leaves <- v - stays
    for (m in 1:3) { stays <- step(stays, on); leaves <- step(leaves, off) }
    last <- stays + leaves
    success <- success + sum(last[seq_len(7) <= s0 & seq_len(7) < 7])
  }
  note(f, c, "p_success_patient", c$outputs$p_success_patient, success)
  note(f, c, "pmf_successes", c$outputs$pmf_successes, dbinom(0:num(i$N), num(i$N), success))
  note(f, c, "reject_prob", c$outputs$reject_prob, pbinom(num(i$reject_if_at_least) - 1, num(i$N), success, lower.tail = FALSE))
}

report(sort(setdiff(list.files(pattern = "json$"), c("censoring_groups.json", "competing_states.json", "cox_more.json", "parametric_fits.json"))))
writeLines(capture.output(sessionInfo()), "rerun.sessionInfo.txt")
