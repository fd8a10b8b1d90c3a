// Package admin is a web page on which people look into an inbox: how far
// behind it is, which deliveries are dead and why, what is in one; and on which
// they replay and delete.
//
//	pages, err := admin.New(box, func(r *http.Request) (admin.Viewer, error) {
//		user, err := session(r) // yours
//		return admin.Viewer{Name: user.Name, MayAct: user.IsManager}, err
//	}, nil)
//	http.Handle("/inbox/", http.StripPrefix("/inbox", pages))
//
// It is one handler that can be mounted anywhere, with or without a prefix,
// and needs neither scripts nor files from elsewhere. Who may see it is for the
// caller to say, request by request: there is no page without that.
//
// # Safety
//
// Every answer forbids scripts, frames and foreign forms (Content-Security-Policy)
// and is not to be stored. Posts that come from other sites are refused
// ([http.CrossOriginProtection]). Bodies and error texts hold customers' data:
// they are shown only to whom [Viewer.MayRead] allows it.
package admin
