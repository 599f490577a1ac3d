# The same quantities as 13_fresh_data_against_r.py, by R: reads the data sets, writes one object of answers each.
# Run by the Python script: Rscript 13_fresh_data_against_r.R data.json answers.json sessionInfo.txt
suppressPackageStartupMessages({library(jsonlite); library(survival); library(cmprsk); library(coin); library(MASS)})
files <- commandArgs(trailingOnly = TRUE)
exactly <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)
tightly <- ordinal::clm.control(gradTol = 1e-11, maxIter = 100)
# What R warns of (separation, no convergence) or cannot do is no answer.
safe <- function(expr) tryCatch(suppressMessages(expr), error = function(e) NULL, warning = function(w) NULL)

curves <- function(d) {
  one <- function(type) {
    s <- summary(survfit(Surv(time, event) ~ 1, d, conf.type = type), censored = TRUE)
    list(survival = s$surv, std_error = s$std.err, lower = s$lower, upper = s$upper)
  }
  made <- lapply(c(log = "log", `log-log` = "log-log", plain = "plain"), one)
  names(made) <- paste("survfit", names(made))
  made
}
tests <- function(d) {
  statistic <- function(s) {
    df <- sum(if (is.matrix(s$exp)) rowSums(s$exp) > 0 else s$exp > 0) - 1
    list(statistic = s$chisq, p_value = pchisq(s$chisq, df, lower.tail = FALSE))
  }
  # survdiff stops where its variance is singular
  list(`survdiff` = safe(statistic(survdiff(Surv(time, event) ~ group, d))),
       `survdiff, strata` = safe(statistic(survdiff(Surv(time, event) ~ group + strata(stratum), d))))
}
cox <- function(d, ties) {
  fit <- coxph(Surv(time, event) ~ x + treated, d, ties = ties, control = exactly)
  list(coef = unname(coef(fit)), std_error = unname(sqrt(diag(vcov(fit)))), loglik = fit$loglik,
       score = unname(fit$score), likelihood_ratio = 2 * diff(fit$loglik))
}
competing <- function(d) {
  # cuminc wants every group to have someone; its estimates are read where this package gives them
  fit <- cuminc(d$time, d$cause, cencode = 0)
  times <- sort(unique(d$time))
  at <- function(cause) {
    name <- paste("1", cause)
    if (!name %in% names(fit)) return(NULL)
    got <- timepoints(fit[name], times)
    list(incidence = as.vector(got$est), variance = as.vector(got$var))
  }
  list(`cuminc, cause 1` = safe(at(1)), `cuminc, cause 2` = safe(at(2)))
}
gray <- function(d) {
  found <- cuminc(d$time, d$cause, d$group, cencode = 0)$Tests["1", ]
  list(statistic = unname(found["stat"]), p_value = unname(found["pv"]))
}
fine_gray <- function(d) {
  fit <- crr(d$time, d$cause, cbind(x = d$x, treated = d$treated), gtol = 1e-9, maxiter = 100)
  if (!fit$converged) return(NULL)
  list(coef = unname(fit$coef), std_error = sqrt(diag(fit$var)), loglik = fit$loglik)
}
by_polr <- function(grade, treated) {
  y <- factor(grade, ordered = TRUE)
  fit <- polr(y ~ treated, control = list(reltol = 1e-15, maxit = 1000))
  list(log_odds_ratio = -unname(fit$coefficients), loglik = -fit$deviance / 2)
}
by_clm <- function(grade, treated) {
  y <- factor(grade, ordered = TRUE)
  fit <- ordinal::clm(y ~ treated, control = tightly)
  none <- ordinal::clm(y ~ 1, control = tightly)
  list(log_odds_ratio = -unname(fit$beta), std_error = unname(sqrt(diag(vcov(fit))["treated"])),
       loglik = as.numeric(logLik(fit)), p_value_lr = anova(none, fit)$`Pr(>Chisq)`[2])
}
adjusted <- function(grade, x, treated) {
  y <- factor(grade, ordered = TRUE)
  c <- ordinal::clm(y ~ x + treated, control = tightly)
  list(beta = unname(c$beta), std_error = unname(sqrt(diag(vcov(c))[c("x", "treated")])),
       loglik = as.numeric(logLik(c)))
}
signed_rank <- function(first, second) {
  if (all(first == second)) return(NULL)
  made <- wilcoxsign_test(first ~ second, zero.method = "Pratt", distribution = "exact")
  list(p_value = as.numeric(pvalue(made)))
}
share <- function(x, n, p) {
  more <- binom.test(x, n, p, alternative = "greater")
  two <- binom.test(x, n, p)
  list(p_greater = more$p.value, p_two_sided = two$p.value, ci = as.numeric(two$conf.int))
}
answers <- lapply(fromJSON(files[1], simplifyDataFrame = FALSE), function(d) {
  s <- as.data.frame(d[c("time", "event", "cause", "group", "stratum", "x", "treated")])
  c(safe(curves(s)), tests(s),
    list(`coxph, Efron` = safe(cox(s, "efron")), `coxph, Breslow` = safe(cox(s, "breslow"))),
    competing(s),
    list(`cuminc, Gray's test` = safe(gray(s)), `crr` = safe(fine_gray(s)),
         `wilcoxsign_test, Pratt, exact` = safe(signed_rank(d$first, d$second)),
         `polr` = safe(by_polr(d$second, d$treated)), `clm` = safe(by_clm(d$second, d$treated)),
         `clm, two covariates` = safe(adjusted(d$second, d$x, d$treated)),
         `binom.test` = safe(share(d$responders, d$patients, d$null))))
})
write_json(answers, files[2], digits = I(17), auto_unbox = FALSE, na = "null", null = "null")
writeLines(capture.output(sessionInfo()), files[3])
